// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

type copied struct {
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	SHA256  string  `json:"sha256"`
}

// copyCommand sends bytes to what sends them back, and checks them.
func copyCommand(flags *flag.FlagSet) func() (any, error) {
	socket := flags.String("socket", "/run/rktlet/rktlet.sock", "of the runtime")
	kind := flags.String("kind", "exec", "exec, attach, forward, or unix: a unix socket, without a runtime")
	transport := flags.String("transport", "spdy", "spdy, websocket, or channels (for forward: the channel form over WebSocket)")
	id := flags.String("id", "", "the container (exec: it has `cat`; attach: it runs `cat`, with stdin_once), pod or socket")
	port := flags.Int("port", 0, "forward: that of an echo server")
	size := flags.Int64("bytes", 1<<30, "how many")
	timeout := flags.Duration("timeout", 10*time.Minute, "after which it has failed")
	return func() (any, error) {
		client, err := connect(*socket)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), *timeout)
		defer cancel()
		from, to := newSource(*size), newSink(*size)
		w := way{transport: *transport}
		started := time.Now()
		switch {
		case *kind == "exec":
			err = client.exec(ctx, w, *id, []string{"cat"}, stdio{in: from, out: to})
		case *kind == "attach":
			err = client.attach(ctx, w, *id, stdio{in: from, out: to})
		case *kind == "unix":
			err = copyOverSocket(*id, from, to)
		case *kind == "forward" && *transport == "channels":
			err = client.copyOverChannels(ctx, *id, *port, from, to)
		case *kind == "forward":
			err = client.copyOverForward(ctx, w, *id, *port, from, to)
		default:
			err = fmt.Errorf("unknown kind %q", *kind)
		}
		seconds := time.Since(started).Seconds()
		if err == nil {
			err = same(from, to)
		}
		if err != nil {
			return nil, fmt.Errorf("%s over %s: %w", *kind, *transport, err)
		}
		return copied{*size, seconds, hex.EncodeToString(to.sum.Sum(nil))}, nil
	}
}

func copyOverSocket(path string, from *source, to *sink) error {
	connection, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	defer connection.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(connection, from)
		connection.(*net.UnixConn).CloseWrite()
		sent <- err
	}()
	if _, err := io.Copy(to, connection); err != nil {
		return err
	}
	return <-sent
}

func (r runtime) copyOverForward(ctx context.Context, w way, pod string, port int, from *source, to *sink) error {
	client, err := r.forward(ctx, w, pod)
	if err != nil {
		return err
	}
	defer client.Close()
	return client.echo(port, from, to)
}

// echo sends, ends its direction, and receives until the other side has ended its own.
func (f *forwarder) echo(port int, from *source, to *sink) error {
	data, finish, err := f.open(port)
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(data, from)
		data.Close()
		sent <- err
	}()
	if _, err := io.Copy(to, data); err != nil {
		return err
	}
	if err := <-sent; err != nil {
		return err
	}
	return finish()
}

// copyOverChannels speaks v4.channel.k8s.io, which cannot end one direction alone.
func (r runtime) copyOverChannels(ctx context.Context, pod string, port int, from *source, to *sink) error {
	url, err := r.portForwardURL(ctx, pod, int32(port))
	if err != nil {
		return err
	}
	dialer := websocket.Dialer{Subprotocols: []string{"v4.channel.k8s.io"}, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10}
	connection, _, err := dialer.DialContext(ctx, "ws"+url[len("http"):], http.Header{})
	if err != nil {
		return err
	}
	defer connection.Close()
	go func() {
		message := make([]byte, 1+32<<10)
		for {
			n, err := from.Read(message[1:])
			if err != nil || connection.WriteMessage(websocket.BinaryMessage, message[:1+n]) != nil {
				return
			}
		}
	}()
	named := [2]bool{}
	for to.got < to.want {
		_, message, err := connection.ReadMessage()
		if err != nil {
			return err
		}
		channel := message[0]
		if channel > 1 {
			return fmt.Errorf("message on channel %d", channel)
		}
		switch {
		case !named[channel]:
			if !bytes.Equal(message[1:], []byte{byte(port), byte(port >> 8)}) {
				return fmt.Errorf("channel %d begins with % x, not with the port", channel, message[1:])
			}
			named[channel] = true
		case channel == 1:
			return fmt.Errorf("port %d: %s", port, message[1:])
		default:
			to.Write(message[1:])
		}
	}
	return nil
}
