// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/streaming/pkg/httpstream"
	"sigs.k8s.io/cri-tools/pkg/common"
)

const portForwardProtocol = "portforward.k8s.io"

// runtime asks for URLs and opens them.
type runtime struct {
	cri.RuntimeServiceClient
}

func connect(socket string) (runtime, error) {
	connection, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return runtime{}, err
	}
	return runtime{cri.NewRuntimeServiceClient(connection)}, nil
}

// stdio is what a command is connected to; nil: not at all.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// way is how a client comes to the streaming server: the transport, and a proxy before it (or none).
type way struct {
	transport string
	through   *badProxy
}

func (w way) url(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	if err != nil || w.through == nil {
		return parsed, err
	}
	parsed.Host, err = w.through.before(parsed.Host)
	return parsed, err
}

func (r runtime) exec(ctx context.Context, w way, container string, command []string, streams stdio) error {
	answer, err := r.Exec(ctx, &cri.ExecRequest{ContainerId: container, Cmd: command, Stdin: streams.in != nil,
		Stdout: streams.out != nil, Stderr: streams.err != nil})
	if err != nil {
		return err
	}
	return w.stream(ctx, answer.Url, streams)
}

func (r runtime) attach(ctx context.Context, w way, container string, streams stdio) error {
	answer, err := r.Attach(ctx, &cri.AttachRequest{ContainerId: container, Stdin: streams.in != nil,
		Stdout: streams.out != nil, Stderr: streams.err != nil})
	if err != nil {
		return err
	}
	return w.stream(ctx, answer.Url, streams)
}

func (w way) stream(ctx context.Context, text string, streams stdio) error {
	target, err := w.url(text)
	if err != nil {
		return err
	}
	executor, err := common.GetExecutor(w.transport, target, &rest.TLSClientConfig{})
	if err != nil {
		return err
	}
	return executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: streams.in, Stdout: streams.out, Stderr: streams.err})
}

func (r runtime) portForwardURL(ctx context.Context, pod string, ports ...int32) (string, error) {
	answer, err := r.PortForward(ctx, &cri.PortForwardRequest{PodSandboxId: pod, Port: ports})
	if err != nil {
		return "", err
	}
	return answer.Url, nil
}

// forwarder is one port-forward client, which opens any number of connections to ports of a pod.
type forwarder struct {
	httpstream.Connection
	requests atomic.Int64
}

func (r runtime) forward(ctx context.Context, w way, pod string) (*forwarder, error) {
	text, err := r.portForwardURL(ctx, pod)
	if err != nil {
		return nil, err
	}
	target, err := w.url(text)
	if err != nil {
		return nil, err
	}
	dialer, err := common.GetDialer(w.transport, target, &rest.TLSClientConfig{})
	if err != nil {
		return nil, err
	}
	connection, _, err := dialer.Dial(portForwardProtocol)
	if err != nil {
		return nil, err
	}
	return &forwarder{Connection: connection}, nil
}

// open connects to a port: the stream of its bytes, and what was reported when all is over.
func (f *forwarder) open(port int) (httpstream.Stream, func() error, error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, strconv.FormatInt(f.requests.Add(1), 10))
	problems, err := f.CreateStream(headers)
	if err != nil {
		return nil, nil, fmt.Errorf("error stream: %w", err)
	}
	problems.Close() // nothing is written to it
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := f.CreateStream(headers)
	if err != nil {
		return nil, nil, fmt.Errorf("data stream: %w", err)
	}
	finish := func() error {
		text, err := io.ReadAll(problems)
		f.RemoveStreams(data, problems)
		if err == nil && len(text) > 0 {
			err = fmt.Errorf("port %d: %s", port, text)
		}
		return err
	}
	return data, finish, nil
}
