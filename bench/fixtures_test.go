// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// written runs log on stack s and returns the lines that are on file after
// Close, decoded.
func written(t *testing.T, s Stack, o Options, log func(Work)) []map[string]any {
	t.Helper()
	target, err := NewTarget()
	assert.NilError(t, err)
	defer func() { assert.NilError(t, target.Remove()) }()
	l, err := s.Open(target.File, o)
	assert.NilError(t, err)
	log(l.Work)
	assert.NilError(t, l.Close())
	b, err := target.Read()
	assert.NilError(t, err)

	var lines []map[string]any
	for line := range bytes.Lines(b) {
		var m map[string]any
		assert.NilError(t, json.Unmarshal(line, &m), "%s", line)
		lines = append(lines, m)
	}
	return lines
}

// forWriting runs a subtest for every stack that writes.
func forWriting(t *testing.T, run func(t *testing.T, s Stack)) {
	for _, s := range Stacks() {
		if s.Kind != Floor {
			t.Run(s.Name, func(t *testing.T) { run(t, s) })
		}
	}
}

// field finds a value by its path, also where a stack flattens groups.
func field(m map[string]any, path string) any {
	if v, ok := m[path]; ok {
		return v
	}
	head, rest, nested := strings.Cut(path, ".")
	if in, ok := m[head].(map[string]any); ok && nested {
		return field(in, rest)
	}
	return nil
}

func TestEveryStackWritesItsWork(t *testing.T) {
	tests := []struct {
		name string
		log  func(Work)
		want map[string]any // nil: there, in whatever form
	}{
		{"Message", Work.Message, map[string]any{}},
		{"Three", Work.Three, map[string]any{"method": method, "path": path, "status": 200.0}},
		{"Ten", Work.Ten, map[string]any{
			"method": method, "status": 200.0, "load": 0.75, "cached": true, "took": nil, "started": nil,
			"error": errServed.Error(), "order.item": "lamp", "user.name": "ada", "user.id": 42.0, "tags": nil,
		}},
		{"Bound", Work.Bound, map[string]any{
			"service": service, "region": region, "version": version, "request": requestID, "shard": 3.0,
			"path": path, "status": 200.0,
		}},
		{"Numbered", func(w Work) { w.Numbered(17) }, map[string]any{
			"n": 17.0, "path": longPath, "agent": agent, "remote": remote, "status": 200.0,
		}},
	}
	forWriting(t, func(t *testing.T, s Stack) {
		for _, tt := range tests {
			lines := written(t, s, Options{}, tt.log)
			assert.Equal(t, len(lines), 1, tt.name)
			got := lines[0]
			for _, key := range []string{"time", "level"} {
				assert.Assert(t, got[key] != nil, "%s: no %s in %v", tt.name, key, got)
			}
			assert.Assert(t, got["msg"] == Message || got["message"] == Message, "%s: got %v", tt.name, got)
			for path, want := range tt.want {
				v := field(got, path)
				assert.Assert(t, v != nil, "%s: no %s in %v", tt.name, path, got)
				if want != nil {
					assert.Equal(t, v, want, "%s: %s", tt.name, path)
				}
			}
		}
	})
}

func TestEveryStackWritesEveryRecordInOrder(t *testing.T) {
	const records = 2000
	forWriting(t, func(t *testing.T, s Stack) {
		lines := written(t, s, Options{}, func(w Work) {
			for n := range records {
				w.Numbered(n)
			}
		})
		assert.Equal(t, len(lines), records)
		for n, m := range lines {
			assert.Equal(t, m["n"], float64(n))
		}
	})
}

func TestNoStackWritesBelowItsLevel(t *testing.T) {
	forWriting(t, func(t *testing.T, s Stack) {
		lines := written(t, s, Options{}, Work.Disabled)
		assert.Equal(t, len(lines), 0)
	})
}

func TestSourceIsTheLineOfTheCall(t *testing.T) {
	want := map[Kind]string{Slog: "work.go", Hydra: "work.go"}
	forWriting(t, func(t *testing.T, s Stack) {
		if s.NoSource {
			t.Skip("cannot tell the source")
		}
		got := fmt.Sprint(written(t, s, Options{AddSource: true}, Work.Three)[0])
		file := want[s.Kind]
		if s.Kind == Native {
			file, _, _ = strings.Cut(s.Name, "+")
			file += ".go"
		}
		assert.Assert(t, strings.Contains(got, "/bench/"+file), "got %s, want a line of %s", got, file)
	})
}

func TestNumberedLinesAreOfOneSize(t *testing.T) {
	forWriting(t, func(t *testing.T, s Stack) {
		target, err := NewTarget()
		assert.NilError(t, err)
		defer func() { assert.NilError(t, target.Remove()) }()
		l, err := s.Open(target.File, Options{})
		assert.NilError(t, err)
		l.Numbered(100000)
		assert.NilError(t, l.Close())
		b, err := target.Read()
		assert.NilError(t, err)
		assert.Assert(t, len(b) >= 175 && len(b) <= 225, "got %d bytes, want about 200: %s", len(b), b)
	})
}

func TestHydraCountsWhatItLosesBehindASinkThatStands(t *testing.T) {
	const records = 5000
	for _, s := range hydraStacks {
		if s.Name == "hydra+block" {
			continue // waits instead
		}
		t.Run(s.Name, func(t *testing.T) {
			target, err := NewTarget()
			assert.NilError(t, err)
			defer func() { assert.NilError(t, target.Remove()) }()
			w := &gate{w: target.File, open: make(chan struct{})}
			l, err := s.Open(w, Options{Queue: 256})
			assert.NilError(t, err)
			for n := range records {
				l.Numbered(n)
			}
			close(w.open)
			assert.NilError(t, l.Close())
			lost, err := target.Verify(records)
			assert.NilError(t, err)
			assert.Assert(t, lost > 0)
			assert.Equal(t, l.Dropped(), int64(lost))
		})
	}
}

// gate holds back every Write until open is closed.
type gate struct {
	w    io.Writer
	open chan struct{}
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.w.Write(p)
}

func TestVerify(t *testing.T) {
	line := func(n int) string { return fmt.Sprintf("{\"msg\":%q,\"n\":%d,\"x\":1}\n", Message, n) }
	tests := []struct {
		name    string
		file    string
		lost    int
		wantErr string
	}{
		{"all there", line(1) + line(0) + line(2), 0, ""},
		{"one lost", line(2) + line(0), 1, ""},
		{"a word of the stack itself", line(0) + "{\"msg\":\"2 lost\"}\n", 2, ""},
		{"torn", line(0) + line(1)[:30] + line(2), 0, "torn line"},
		{"torn at the end", line(0) + line(1) + line(2)[:30], 0, "torn line"},
		{"twice", line(0) + line(1) + line(1), 0, "record 1 is there twice"},
		{"never logged", line(0) + line(3), 0, "record 3 was never logged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target, err := NewTarget()
			assert.NilError(t, err)
			defer func() { assert.NilError(t, target.Remove()) }()
			_, err = target.File.WriteString(tt.file)
			assert.NilError(t, err)
			lost, err := target.Verify(3)
			if tt.wantErr != "" {
				assert.ErrorContains(t, err, tt.wantErr)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, lost, tt.lost)
		})
	}
}
