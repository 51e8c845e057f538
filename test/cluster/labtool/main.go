// Labtool is the one small program of the cluster lab that is not Kubernetes' own: it stands in for the pods'
// containers, opens the connections whose fate the tests look at, sets up nodes, and does chores for which the lab
// would otherwise need more Debian packages.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	if filepath.Base(os.Args[0]) == "svcdoctor-ipam" {
		if err := ipam(); err != nil {
			fail(err.Error())
		}
		return
	}
	if len(os.Args) < 2 {
		fail("usage: labtool serve|connect|get|certs|sysctl|node|cgroup|pause …")
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
	case "node":
		err = node(args)
	case "cgroup":
		err = cgroup(args)
	case "pause":
		err = pause()
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

// become replaces this process by another program.
func become(argv []string) error {
	program, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	return syscall.Exec(program, argv, os.Environ())
}

// pause is what keeps a pod's namespaces while its containers come and go. It also reaps what they leave.
func pause() error {
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for got := range ends {
		if got != syscall.SIGCHLD {
			return nil
		}
		for {
			if pid, _ := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 {
				break
			}
		}
	}
	return nil
}
