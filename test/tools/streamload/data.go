// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
)

// source is a number of bytes of which no two pieces are alike, and their checksum. Only what was read counts.
type source struct {
	left    int64
	counter uint64
	block   [64 << 10]byte
	sum     hash.Hash
}

func newSource(size int64) *source {
	s := &source{left: size, counter: rand.Uint64(), sum: sha256.New()}
	for i := 0; i < len(s.block); i += 8 {
		binary.LittleEndian.PutUint64(s.block[i:], rand.Uint64())
	}
	return s
}

func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.counter++
	binary.LittleEndian.PutUint64(s.block[:], s.counter)
	n := copy(p[:min(int64(len(p)), s.left)], s.block[:])
	s.left -= int64(n)
	s.sum.Write(p[:n])
	return n, nil
}

// sink counts and sums what it is given; `full` is closed when it has `want` bytes.
type sink struct {
	want, got int64
	sum       hash.Hash
	full      chan struct{}
}

func newSink(want int64) *sink {
	return &sink{want: want, sum: sha256.New(), full: make(chan struct{})}
}

func (s *sink) Write(p []byte) (int, error) {
	s.sum.Write(p)
	before := s.got
	s.got += int64(len(p))
	if before < s.want && s.got >= s.want {
		close(s.full)
	}
	return len(p), nil
}

// same: nil when the sink holds exactly what the source has given.
func same(from *source, to *sink) error {
	if from.left != 0 || to.got != to.want {
		return fmt.Errorf("%d of %d bytes came back, %d were not sent", to.got, to.want, from.left)
	}
	if in, out := hex.EncodeToString(from.sum.Sum(nil)), hex.EncodeToString(to.sum.Sum(nil)); in != out {
		return fmt.Errorf("sha256 differs: sent %s, received %s", in, out)
	}
	return nil
}
