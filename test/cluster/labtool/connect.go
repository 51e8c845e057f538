package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

type outcome struct {
	Kind   string `json:"kind"` // answered, refused, timeout, reset, unreachable, failed
	By     string `json:"by,omitempty"`
	Source string `json:"source,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// connect opens a number of new connections at once and prints what became of each as a JSON array.
func connect(args []string) error {
	flags := flag.NewFlagSet("connect", flag.ExitOnError)
	count := flags.Int("count", 1, "number of connections")
	timeout := flags.Duration("timeout", 2*time.Second, "time each has")
	mark := flags.Int("mark", 0, "firewall mark of the packets, for choosing a route")
	if err := flags.Parse(args); err != nil {
		return err
	}
	outcomes := make([]outcome, *count)
	var all sync.WaitGroup
	for i := range outcomes {
		all.Go(func() { outcomes[i] = connectOnce(flags.Arg(0), *timeout, *mark) })
	}
	all.Wait()
	return json.NewEncoder(os.Stdout).Encode(outcomes)
}

func connectOnce(target string, timeout time.Duration, mark int) outcome {
	deadline := time.Now().Add(timeout)
	dialer := net.Dialer{Deadline: deadline, Control: func(_, _ string, c syscall.RawConn) error {
		if mark == 0 {
			return nil
		}
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_MARK, mark)
		})
		return errors.Join(err, failed)
	}}
	conn, err := dialer.DialContext(context.Background(), "tcp", target)
	if err != nil {
		return classify(err)
	}
	defer conn.Close()
	conn.SetDeadline(deadline)
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", target); err != nil {
		return classify(err)
	}
	answer, err := io.ReadAll(io.LimitReader(conn, 1<<16))
	if len(answer) == 0 {
		if err == nil {
			err = io.EOF
		}
		return classify(err)
	}
	return readAnswer(string(answer))
}

// readAnswer understands the pods' server; the first line of whatever else answers is kept as the detail.
func readAnswer(answer string) outcome {
	status, _, _ := strings.Cut(answer, "\r\n")
	_, body, _ := strings.Cut(answer, "\r\n\r\n")
	by, source, found := strings.Cut(strings.TrimSuffix(body, "\n"), " ")
	if !strings.Contains(status, " 200 ") || !found || net.ParseIP(source) == nil {
		return outcome{Kind: "answered", Detail: strings.ToValidUTF8(status, "?")}
	}
	return outcome{Kind: "answered", By: by, Source: source}
}

func classify(err error) outcome {
	var timeout net.Error
	kind := "failed"
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		kind = "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF):
		kind = "reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		kind = "unreachable"
	case errors.As(err, &timeout) && timeout.Timeout():
		kind = "timeout"
	}
	return outcome{Kind: kind, Detail: err.Error()}
}

// get prints what a URL answers.
func get(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: labtool get URL")
	}
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(args[0])
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}
