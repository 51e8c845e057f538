package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"time"
)

// serve answers every request with its pod's name and the address it sees the client at, so that whoever asks
// learns which endpoint was chosen and whether the connection was masqueraded on its way.
func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	name := flags.String("name", "", "name to answer with")
	listen := flags.String("listen", "", "address to listen on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		w.Header().Set("Connection", "close")
		fmt.Fprintf(w, "%s %s\n", *name, client)
	}
	server := &http.Server{Addr: *listen, Handler: http.HandlerFunc(handler), ReadTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
