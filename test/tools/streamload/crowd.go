// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/util/exec"
)

const (
	exitStatus = 7
	goodBytes  = 64 << 10  // of an exec or a forwarded connection
	slowBytes  = 256 << 10 // more than what is buffered on the way
)

// What a client is told when it is a bad one says nothing: only the good and the slow ones are judged.
const (
	allManners    = "good,slow,good,stalled,good,killed,good,garbage"
	allTransports = "spdy,websocket"
)

type crowd struct {
	runtime   runtime
	ctx       context.Context
	container string
	printing  string
	pod       string
	echo      int
	endless   int
	lines     int
	hold      time.Duration

	manners    []string
	transports []string

	mutex    sync.Mutex
	Right    map[string]int `json:"right"` // good clients whose results were right, by "kind transport manner"
	Bad      map[string]int `json:"bad"`   // bad clients that were there
	Failures []string       `json:"failures"`
}

// crowdCommand lets good and bad clients in at the same time; it fails when a good one got something wrong.
func crowdCommand(flags *flag.FlagSet) func() (any, error) {
	c := &crowd{Right: map[string]int{}, Bad: map[string]int{}}
	socket := flags.String("socket", "/run/rktlet/rktlet.sock", "of the runtime")
	flags.StringVar(&c.container, "container", "", "with a shell, for exec")
	flags.StringVar(&c.printing, "printing", "", "a container that prints \"line 1\", \"line 2\", …, for attach")
	flags.StringVar(&c.pod, "pod", "", "for port-forward")
	flags.IntVar(&c.echo, "echo", 8001, "port of its echo server")
	flags.IntVar(&c.endless, "endless", 8002, "port of its server that sends without an end")
	flags.IntVar(&c.lines, "lines", 200, "how many lines an attached client looks at")
	flags.DurationVar(&c.hold, "hold", 10*time.Second, "how long a client stays stalled")
	execs := flags.Int("execs", 200, "clients of exec")
	forwards := flags.Int("forwards", 200, "forwarded connections")
	attaches := flags.Int("attaches", 50, "clients of attach")
	manners := flags.String("manners", allManners, "how clients behave, in turns")
	transports := flags.String("transports", allTransports, "of the clients, in turns")
	timeout := flags.Duration("timeout", 10*time.Minute, "after which those who are left have failed")
	return func() (any, error) {
		c.manners, c.transports = strings.Split(*manners, ","), strings.Split(*transports, ",")
		var err error
		if c.runtime, err = connect(*socket); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), *timeout)
		defer cancel()
		c.ctx = ctx
		var all sync.WaitGroup
		c.start(&all, "exec", *execs, 1, c.oneExec)
		c.start(&all, "attach", *attaches, 1, c.oneAttach)
		// Ten connections share a client, as those of a browser do.
		c.start(&all, "forward", *forwards/10, 10, c.tenForwards)
		all.Wait()
		if len(c.Failures) > 0 {
			return c, fmt.Errorf("%d good clients got something wrong", len(c.Failures))
		}
		return c, nil
	}
}

func (c *crowd) start(all *sync.WaitGroup, kind string, count, each int, run func(w way, m manner) error) {
	for i := range count {
		m := manner(c.manners[i%len(c.manners)])
		w := way{transport: c.transports[i/len(c.manners)%len(c.transports)]}
		if m != good {
			w.through = &badProxy{manner: m, hold: c.hold}
		}
		all.Go(func() {
			started := time.Now()
			err := run(w, m)
			name := fmt.Sprintf("%s %s %s", kind, w.transport, m)
			c.mutex.Lock()
			defer c.mutex.Unlock()
			switch {
			case m != good && m != slow:
				c.Bad[name] += each
			case err != nil:
				c.Failures = append(c.Failures, fmt.Sprintf("%s: after %.1f s: %v", name, time.Since(started).Seconds(), err))
			default:
				c.Right[name] += each
			}
		})
	}
}

func (c *crowd) oneExec(w way, m manner) error {
	if m != good && m != slow {
		return c.runtime.exec(c.ctx, w, c.container, []string{"yes", "streamload"}, stdio{in: neverEnds(c.ctx), out: io.Discard})
	}
	size := int64(goodBytes)
	if m == slow {
		size = slowBytes
	}
	from, to, problems := newSource(size), newSink(size), &bytes.Buffer{}
	script := fmt.Sprintf("cat; echo done >&2; exit %d", exitStatus)
	err := c.runtime.exec(c.ctx, w, c.container, []string{"sh", "-c", script}, stdio{in: from, out: to, err: problems})
	var code exec.CodeExitError
	if !errors.As(err, &code) || code.Code != exitStatus {
		return fmt.Errorf("want exit status %d, got: %v (%d bytes of %d came, %d were not sent; stderr %q)", exitStatus, err,
			to.got, to.want, from.left, problems)
	}
	if problems.String() != "done\n" {
		return fmt.Errorf("stderr is %q", problems)
	}
	return same(from, to)
}

func (c *crowd) oneAttach(w way, m manner) error {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	out := &lineCheck{want: c.lines, enough: cancel}
	err := c.runtime.attach(ctx, w, c.printing, stdio{out: out})
	if out.wrong != "" {
		return errors.New(out.wrong)
	}
	if out.seen < out.want {
		return fmt.Errorf("%d of %d lines came: %v", out.seen, out.want, err)
	}
	return nil
}

func (c *crowd) tenForwards(w way, m manner) error {
	client, err := c.runtime.forward(c.ctx, w, c.pod)
	if err != nil {
		return err
	}
	defer client.Close()
	var all sync.WaitGroup
	failures := make(chan error, 10)
	for range 10 {
		all.Go(func() { failures <- c.oneForward(client, m) })
	}
	all.Wait()
	close(failures)
	var together error
	for err := range failures {
		together = errors.Join(together, err)
	}
	return together
}

func (c *crowd) oneForward(client *forwarder, m manner) error {
	if m == good || m == slow {
		from, to := newSource(goodBytes), newSink(goodBytes)
		if err := client.echo(c.echo, from, to); err != nil {
			return err
		}
		return same(from, to)
	}
	data, _, err := client.open(c.endless)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, data)
	return err
}

// neverEnds is an input without bytes, until ctx is done.
func neverEnds(ctx context.Context) io.Reader {
	reader, writer := io.Pipe()
	context.AfterFunc(ctx, func() { writer.Close() })
	return reader
}

// lineCheck looks whether lines come one after the other, from any one on, and says when it has seen enough.
type lineCheck struct {
	want, seen int
	last       int
	partial    string
	wrong      string
	enough     func()
}

func (l *lineCheck) Write(p []byte) (int, error) {
	lines := strings.Split(l.partial+string(p), "\n")
	l.partial = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		number, err := strconv.Atoi(strings.TrimPrefix(line, "line "))
		// The first one may have begun before the client was there.
		if l.seen > 0 && (err != nil || (l.last != 0 && number != l.last+1)) && l.wrong == "" {
			l.wrong = fmt.Sprintf("after line %d comes %q", l.last, line)
		}
		if err == nil {
			l.last = number
		}
		l.seen++
	}
	if l.seen >= l.want || l.wrong != "" {
		l.enough()
	}
	return len(p), nil
}
