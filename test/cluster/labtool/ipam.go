package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// hostLocal is Debian's path of the CNI plugin that gives out addresses.
const hostLocal = "/usr/lib/cni/host-local"

// ipam is a CNI plugin for addresses, called svcdoctor-ipam there: host-local, asked for the addresses that the
// configuration's `fixed` has for this pod, out of its `fixedRanges`, if any. So pods are where the article has them.
func ipam() error {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(input, &config); err != nil {
		return fmt.Errorf("network configuration: %w", err)
	}
	own, _ := config["ipam"].(map[string]any)
	fixed, _ := own["fixed"].(map[string]any)
	if addresses, found := fixed[podName()]; found {
		own["ranges"] = own["fixedRanges"]
		config["args"] = map[string]any{"cni": map[string]any{"ips": addresses}}
	}
	amended, err := json.Marshal(config)
	if err != nil {
		return err
	}
	plugin := exec.Command(hostLocal)
	plugin.Stdin = strings.NewReader(string(amended))
	plugin.Stdout, plugin.Stderr = os.Stdout, os.Stderr
	// What went wrong is on its standard output, as the CNI wants it.
	if plugin.Run() != nil {
		os.Exit(1)
	}
	return nil
}

func podName() string {
	for _, argument := range strings.Split(os.Getenv("CNI_ARGS"), ";") {
		if name, found := strings.CutPrefix(argument, "K8S_POD_NAME="); found {
			return name
		}
	}
	return ""
}
