// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"io"
	"net"
)

// serveCommand is what runs inside a pod: servers to be forwarded to.
func serveCommand(flags *flag.FlagSet) func() (any, error) {
	echo := flags.String("echo", ":8001", "address of a server that sends back what it gets")
	endless := flags.String("endless", ":8002", "address of a server that sends without an end")
	return func() (any, error) {
		go serve(*endless, func(connection *net.TCPConn) {
			block := make([]byte, 64<<10)
			for {
				if _, err := connection.Write(block); err != nil {
					return
				}
			}
		})
		return nil, serve(*echo, func(connection *net.TCPConn) {
			if _, err := io.Copy(connection, connection); err == nil {
				connection.CloseWrite()
			}
		})
	}
}

func serve(address string, handle func(*net.TCPConn)) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("serving", listener.Addr())
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			handle(connection.(*net.TCPConn))
		}()
	}
}
