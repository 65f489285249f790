// SPDX-License-Identifier: Apache-2.0

// Command streamload is a crowd of Kubernetes clients for exec, attach and port-forward: it asks a CRI runtime for the
// URLs and speaks to them with Kubernetes' own libraries. Each subcommand prints one line of JSON.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

// setUp declares a subcommand's flags and returns what runs once they are parsed.
type setUp func(flags *flag.FlagSet) func() (any, error)

var commands = map[string]setUp{
	"copy":  copyCommand,
	"crowd": crowdCommand,
	"idle":  idleCommand,
	"serve": serveCommand,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: streamload copy|crowd|idle|serve [--help] [OPTION…]")
		os.Exit(2)
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	// What the libraries say of connections that end is what bad clients are for; errors come back as values.
	klog.SetLogger(logr.Discard())
	run := commands[os.Args[1]](flags)
	if err := flags.Parse(os.Args[2:]); err != nil {
		os.Exit(2)
	}
	result, err := run()
	if result != nil {
		if encoded := json.NewEncoder(os.Stdout).Encode(result); encoded != nil {
			err = encoded
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "streamload:", err)
		os.Exit(1)
	}
}
