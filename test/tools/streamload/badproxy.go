// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"math/rand/v2"
	"net"
	"time"
)

// manner is how a client behaves.
type manner string

const (
	good    manner = "good"
	slow    manner = "slow"    // takes its time, but takes all
	stalled manner = "stalled" // takes nothing more after a while
	killed  manner = "killed"  // is gone in the middle, without a word
	garbage manner = "garbage" // sends random bytes after its request
)

// What a bad client does properly before it behaves badly, at most.
const behaved = 128 << 10

// badProxy stands between a client and the server and gives the client its manner: so the client itself may be any.
type badProxy struct {
	manner manner
	hold   time.Duration // how long a stalled client stays
}

// before returns an address of which one connection leads to `server`.
func (b *badProxy) before(server string) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		defer listener.Close()
		client, err := listener.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		upstream, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		defer upstream.Close()
		b.between(client.(*net.TCPConn), upstream.(*net.TCPConn))
	}()
	return listener.Addr().String(), nil
}

func (b *badProxy) between(client, server *net.TCPConn) {
	if b.manner == garbage {
		b.talkNonsense(client, server)
		return
	}
	go func() {
		io.Copy(server, client)
		if b.manner == slow {
			server.CloseWrite()
		}
	}()
	switch b.manner {
	case slow:
		takeSlowly(client, server)
	case stalled:
		server.SetReadBuffer(4 << 10)
		io.CopyN(client, server, rand.Int64N(behaved))
		time.Sleep(b.hold)
	case killed:
		server.SetReadDeadline(time.Now().Add(2 * time.Second))
		io.CopyN(client, server, rand.Int64N(behaved))
		server.SetLinger(0) // a reset, not an end
	}
}

func takeSlowly(client, server *net.TCPConn) {
	block := make([]byte, 4<<10)
	for {
		n, err := server.Read(block)
		if n > 0 {
			if _, err := client.Write(block[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// talkNonsense passes the client's request on, then sends bytes that no protocol has.
func (b *badProxy) talkNonsense(client, server *net.TCPConn) {
	request := make([]byte, 16<<10)
	n, err := client.Read(request)
	if err != nil {
		return
	}
	if _, err := server.Write(request[:n]); err != nil {
		return
	}
	go io.Copy(client, server)
	nonsense := make([]byte, 1024)
	for range 16 {
		for i := range nonsense {
			nonsense[i] = byte(rand.Uint32())
		}
		if _, err := server.Write(nonsense); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
