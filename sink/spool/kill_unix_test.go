// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package spool_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/spool"
)

// childDir tells a test that it runs in a child process, and where.
const childDir = "HYDRA_SPOOL_TEST_DIR"

// TestFault1And46KillsDuringOutagesLoseNothing kills a process again and again while
// it writes, through a spool, to a sink that is away half of the time.
func TestFault1And46KillsDuringOutagesLoseNothing(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		writeUntilKilled(dir)
	}
	const rounds = 40
	dir := t.TempDir()
	acked := make([]int, rounds)
	for round := range rounds {
		acked[round] = killed(t, dir, round)
	}
	// A spool with nothing to deliver may close without ever opening the inner sink,
	// which is what removes a line that the last kill tore.
	inner := &model{path: filepath.Join(dir, "out")}
	assert.NilError(t, inner.Open(t.Context()))
	assert.NilError(t, inner.Close(t.Context()))
	s := spool.New(&model{path: filepath.Join(dir, "out")}, filepath.Join(dir, "spool"), nil)
	assert.NilError(t, s.Open(t.Context()))
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, s.Held(), uint64(0))
	assert.Equal(t, state(s).Damaged, uint64(0))
	assert.Equal(t, state(s).Quarantined, 0)

	text, err := os.ReadFile(filepath.Join(dir, "out"))
	assert.NilError(t, err)
	seen := make([]int, rounds) // how many of each round came, none left out
	newest, repeats, records := 0, 0, 0
	for line := range strings.Lines(string(text)) {
		var round, n int
		if _, err := fmt.Sscanf(line, "%d %d .\n", &round, &n); err != nil {
			t.Fatalf("a torn line %q", line)
		}
		records++
		switch {
		case n < seen[round]: // once more
			repeats++
		case n > seen[round]:
			t.Fatalf("round %d: %d comes after %d", round, n, seen[round]-1)
		case round < newest:
			t.Fatalf("%d of round %d comes after those of round %d", n, round, newest)
		default:
			seen[round]++
			newest = round
		}
	}
	total := 0
	for round, n := range acked {
		if seen[round] < n {
			t.Errorf("round %d: %d of %d records that were taken are missing", round, n-seen[round], n)
		}
		total += n
	}
	// Each kill repeats what was in flight at most.
	if most := rounds * (256 << 10) / len("1 1 .\n"); repeats > most {
		t.Errorf("got %d records twice, want %d at most", repeats, most)
	}
	t.Logf("%d records taken, %d delivered, %d of them twice", total, records, repeats)
	assert.Assert(t, total > 0)
}

// killed starts a child, kills it at some moment, and returns how many records of
// the round it knew to be taken.
func killed(t *testing.T, dir string, round int) int {
	t.Helper()
	ack := filepath.Join(dir, fmt.Sprintf("ack%d", round))
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), childDir+"="+dir, "HYDRA_SPOOL_TEST_ACK="+ack, fmt.Sprintf("HYDRA_SPOOL_TEST_ROUND=%d", round))
	out, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	cmd.Stderr = os.Stderr
	assert.NilError(t, cmd.Start())
	_, err = io.ReadFull(out, make([]byte, 1)) // it is open
	assert.NilError(t, err)
	timer := time.AfterFunc(rand.N(40*time.Millisecond), func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	rest, _ := io.ReadAll(out)
	_ = cmd.Wait() // it was killed
	assert.Equal(t, string(rest), "")
	text, err := os.ReadFile(ack)
	if err != nil || len(text) < 8 {
		return 0
	}
	return int(binary.LittleEndian.Uint64(text))
}

// writeUntilKilled is the child.
func writeUntilKilled(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	ctx := context.Background()
	ack, err := os.Create(os.Getenv("HYDRA_SPOOL_TEST_ACK"))
	fail(err)
	inner := &model{path: filepath.Join(dir, "out"), moody: true}
	s := spool.New(inner, filepath.Join(dir, "spool"), &spool.Options{
		SegmentBytes: 16 << 10, Patience: time.Millisecond, RetryMost: 2 * time.Millisecond,
	})
	fail(s.Open(ctx))
	fmt.Print("o")
	round := os.Getenv("HYDRA_SPOOL_TEST_ROUND")
	for n := 0; ; {
		var b sink.Batch
		for range 1 + rand.IntN(50) {
			b.Bytes = fmt.Appendf(b.Bytes, "%s %d .\n", round, n)
			b.Ends = append(b.Ends, len(b.Bytes))
			n++
		}
		taken, err := s.Write(ctx, b)
		fail(err)
		if taken != len(b.Bytes) {
			fail(io.ErrShortWrite)
		}
		_, err = ack.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(n)), 0)
		fail(err)
	}
}

// model is a sink that appends to a file, and is away for some calls now and then. A
// line that a process left half written it removes.
type model struct {
	path  string
	moody bool
	away  int
	file  *os.File
}

func (m *model) Open(context.Context) error {
	text, err := os.ReadFile(m.path)
	if err == nil {
		err = os.Truncate(m.path, int64(bytes.LastIndexByte(text, '\n')+1))
	}
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	m.file, err = os.OpenFile(m.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return err
}

func (m *model) Write(_ context.Context, b sink.Batch) (int, error) {
	if m.away > 0 {
		m.away--
		return 0, errAway
	}
	p := b.Bytes
	if m.moody && rand.IntN(5) == 0 {
		m.away = rand.IntN(10)
		p = p[:rand.IntN(len(p)+1)]
	}
	n, err := m.file.Write(p)
	if err == nil && n < len(b.Bytes) {
		err = errAway
	}
	return n, err
}

func (m *model) Flush(context.Context) error { return nil }
func (m *model) Close(context.Context) error { return m.file.Close() }
