package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// node makes the mount and UTS namespaces it runs in those of a node, and holds them: a host name, its own xtables.lock,
// and with -group its own places for what containerd and the kubelet keep, at the paths a real node has them at, and
// the group that all of these processes are in: labtool node -name NAME -dir FOLDER [-group GROUP]
func node(args []string) error {
	flags := flag.NewFlagSet("node", flag.ExitOnError)
	name := flags.String("name", "", "host name")
	dir := flags.String("dir", "", "the node's own folder")
	group := flags.String("group", "", "control group of the node's own processes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(*name)); err != nil {
		return err
	}
	if err := bindOwnFile(filepath.Join(*dir, "xtables.lock"), "/run/xtables.lock", ""); err != nil {
		return err
	}
	if *group != "" {
		if err := prepareForAgents(*dir, *group); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	return pause()
}

func prepareForAgents(dir, group string) error {
	for _, setup := range []func(string) error{ownFolders, ownCgroups, ownSettings} {
		if err := setup(dir); err != nil {
			return err
		}
	}
	return enterCgroups(group)
}

// ownFolders hides the machine's /var/lib and /var/log: the kubelet writes to fixed paths there.
func ownFolders(dir string) error {
	for _, path := range []string{"/var/lib", "/var/log", "/run/containerd"} {
		own := filepath.Join(dir, path)
		for _, folder := range []string{own, path} {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
		}
		if err := bind(own, path); err != nil {
			return err
		}
	}
	return nil
}

// ownSettings hides the settings of the whole machine that a kubelet changes; they read as it wants them.
func ownSettings(dir string) error {
	for name, value := range map[string]string{
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/keys/root_maxbytes": "25000000",
	} {
		own := filepath.Join(dir, "sysctl", name)
		if err := os.MkdirAll(filepath.Dir(own), 0o755); err != nil {
			return err
		}
		if err := bindOwnFile(own, "/proc/sys/"+name, value+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// ownCgroups mounts each of the machine's hierarchies once more, as this cgroup namespace sees it: what is made below
// /sys/fs/cgroup from here on is inside the node's own group.
func ownCgroups(string) error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	if len(mounts) > 1 {
		if err := syscall.Mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("/sys/fs/cgroup: %w", err)
		}
	}
	for _, mount := range mounts {
		if err := os.MkdirAll(mount.path, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount("cgroup", mount.path, mount.kind, 0, mount.options); err != nil {
			return fmt.Errorf("%s (%s): %w", mount.path, mount.options, err)
		}
	}
	return nil
}

type cgroupMount struct{ path, kind, options string }

// cgroupMounts lists the hierarchies below /sys/fs/cgroup: one at that very place (version 2), or several in it.
func cgroupMounts() ([]cgroupMount, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var mounts []cgroupMount
	for lines := bufio.NewScanner(file); lines.Scan(); {
		place, source, _ := strings.Cut(lines.Text(), " - ")
		path, kind := strings.Fields(place)[4], strings.Fields(source)
		if !strings.HasPrefix(path, "/sys/fs/cgroup") || !strings.HasPrefix(kind[0], "cgroup") {
			continue
		}
		mounts = append(mounts, cgroupMount{path, kind[0], hierarchyOptions(kind[0], kind[2])})
	}
	return mounts, nil
}

// hierarchyOptions picks what names a version 1 hierarchy out of a mount's options; version 2 takes none.
func hierarchyOptions(kind, all string) string {
	if kind == "cgroup2" {
		return ""
	}
	var own []string
	for _, option := range strings.Split(all, ",") {
		if option == "rw" || option == "ro" || strings.HasPrefix(option, "release_agent=") {
			continue
		}
		if strings.HasPrefix(option, "name=") {
			own = append(own, "none")
		}
		own = append(own, option)
	}
	return strings.Join(own, ",")
}

// cgroup GROUP PROGRAM ARG… becomes the program, inside that group of every hierarchy. The groups are made on the way.
func cgroup(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: labtool cgroup GROUP PROGRAM [ARG…]")
	}
	if err := enterCgroups(args[0]); err != nil {
		return err
	}
	return become(args[1:])
}

func enterCgroups(group string) error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		if err := enterCgroup(mount, group); err != nil {
			return err
		}
	}
	return nil
}

func enterCgroup(mount cgroupMount, group string) error {
	dir := mount.path
	for _, part := range strings.Split(strings.Trim(group, "/"), "/") {
		if mount.kind == "cgroup2" {
			passOnControllers(dir)
		}
		parent := dir
		dir = filepath.Join(dir, part)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := inheritCpuset(parent, dir); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0o644)
}

// passOnControllers lets the groups below use what this one may; what it may not pass on, containers do without.
func passOnControllers(dir string) {
	controllers, _ := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	for _, name := range strings.Fields(string(controllers)) {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+name), 0o644)
	}
}

// inheritCpuset: a new group of the version 1 hierarchy has no processors, and takes no process until it has.
func inheritCpuset(parent, dir string) error {
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, name))
		own, errOwn := os.ReadFile(filepath.Join(dir, name))
		if err != nil || errOwn != nil || strings.TrimSpace(string(own)) != "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), value, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func bindOwnFile(own, path, text string) error {
	if err := os.WriteFile(own, []byte(text), 0o644); err != nil {
		return err
	}
	target, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return err
	}
	target.Close()
	return bind(own, path)
}

func bind(from, to string) error {
	if err := syscall.Mount(from, to, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting %s over %s: %w", from, to, err)
	}
	return nil
}
