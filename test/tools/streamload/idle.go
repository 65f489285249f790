// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
)

// idleCommand opens streams that do nothing, says "ready", and closes them at the end of its own stdin.
func idleCommand(flags *flag.FlagSet) func() (any, error) {
	socket := flags.String("socket", "/run/rktlet/rktlet.sock", "of the runtime")
	kind := flags.String("kind", "exec", "exec, attach or forward")
	transport := flags.String("transport", "spdy", "spdy or websocket")
	id := flags.String("id", "", "the container, or the pod")
	port := flags.Int("port", 0, "forward: that of an echo server")
	count := flags.Int("count", 100, "how many")
	return func() (any, error) {
		client, err := connect(*socket)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		opened := make(chan error, *count)
		var done sync.WaitGroup
		for range *count {
			stdin, hold := io.Pipe()
			defer hold.Close()
			done.Go(func() {
				switch *kind {
				case "forward":
					opened <- client.idleForward(ctx, way{transport: *transport}, *id, *port)
				case "exec":
					announce := &firstByte{told: opened}
					err := client.exec(ctx, way{transport: *transport}, *id, []string{"sh", "-c", "echo; exec cat"},
						stdio{in: stdin, out: announce})
					announce.tell(err)
				default:
					announce := &firstByte{told: opened}
					announce.tell(client.attach(ctx, way{transport: *transport}, *id, stdio{out: announce}))
				}
			})
		}
		for i := range *count {
			if err := <-opened; err != nil {
				return nil, fmt.Errorf("stream %d: %w", i, err)
			}
		}
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		cancel()
		done.Wait()
		return nil, nil
	}
}

// idleForward has one connection that has been used, and keeps it until the end.
func (r runtime) idleForward(ctx context.Context, w way, pod string, port int) error {
	client, err := r.forward(ctx, w, pod)
	if err != nil {
		return err
	}
	data, _, err := client.open(port)
	if err != nil {
		return err
	}
	if _, err := data.Write([]byte("x")); err != nil {
		return err
	}
	if _, err := io.ReadFull(data, make([]byte, 1)); err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		client.Close()
	}()
	return nil
}

// firstByte tells once: that something came, or how it ended before.
type firstByte struct {
	once sync.Once
	told chan<- error
}

func (f *firstByte) Write(p []byte) (int, error) {
	f.tell(nil)
	return len(p), nil
}

func (f *firstByte) tell(err error) { f.once.Do(func() { f.told <- err }) }
