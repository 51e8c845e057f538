// Labtool is the one small program of the cluster lab that is not Kubernetes' own: it stands in for the pods'
// containers, opens the connections whose fate the tests look at, and does three chores for which the lab would
// otherwise need more Debian packages.
package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: labtool serve|connect|get|certs|sysctl|hostname …")
	}
	args := os.Args[2:]
	var err error
	switch os.Args[1] {
	case "serve":
		err = serve(args)
	case "connect":
		err = connect(args)
	case "get":
		err = get(args)
	case "certs":
		err = certs(args)
	case "sysctl":
		err = sysctl(args)
	case "hostname":
		err = hostname(args)
	default:
		err = fmt.Errorf("unknown command %q", os.Args[1])
	}
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}

// sysctl writes net/ipv4/ip_forward=1 … in the network namespace it runs in. Settings of interfaces hold dots in
// their names, hence the paths.
func sysctl(settings []string) error {
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// hostname NAME PROGRAM ARG… gives the UTS namespace it runs in a name, and becomes the program.
func hostname(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: labtool hostname NAME PROGRAM [ARG…]")
	}
	if err := syscall.Sethostname([]byte(args[0])); err != nil {
		return err
	}
	return syscall.Exec(args[1], args[1:], os.Environ())
}
