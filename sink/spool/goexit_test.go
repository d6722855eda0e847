// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/spool"
)

func TestAnInnerSinkThatEndsItsGoroutineLosesNothingAndIsNamed(t *testing.T) {
	tests := []struct {
		op   string
		want []string // what it took before
	}{
		{fault.Open, nil},
		{fault.Write, nil},
		{fault.Flush, lines(0, 5)},
	}
	for _, tt := range tests {
		t.Run(tt.op, func(t *testing.T) {
			dir := t.TempDir()
			inner := goexits{&fault.Sink{}, tt.op}
			s := opened(t, inner, dir, &spool.Options{Patience: time.Hour})
			write(t, s, numbered(0, 5))
			if err := s.Flush(t.Context()); tt.op == fault.Flush {
				assert.ErrorIs(t, err, spool.ErrEnded)
			}
			write(t, s, numbered(5, 9))
			assert.Equal(t, s.Held(), uint64(9-len(tt.want)))
			shown, degraded := s.State()
			st := shown.(spool.State)
			assert.Assert(t, degraded)
			assert.Equal(t, st.Failures, uint64(1))
			assert.Assert(t, strings.HasPrefix(st.LastError, tt.op+": ") && strings.Contains(st.LastError, "runtime.Goexit"), st.LastError)
			assert.NilError(t, s.Close(t.Context()))
			assert.DeepEqual(t, inner.Lines(), tt.want)
			var back fault.Sink
			s = opened(t, &back, dir, nil)
			assert.NilError(t, s.Close(t.Context()))
			assert.DeepEqual(t, back.Lines(), lines(len(tt.want), 9))
		})
	}
}

// goexits is a sink one of whose methods ends the goroutine.
type goexits struct {
	*fault.Sink
	op string
}

func (s goexits) Open(ctx context.Context) error {
	if s.op == fault.Open {
		runtime.Goexit()
	}
	return s.Sink.Open(ctx)
}

func (s goexits) Write(ctx context.Context, b sink.Batch) (int, error) {
	if s.op == fault.Write {
		runtime.Goexit()
	}
	return s.Sink.Write(ctx, b)
}

func (s goexits) Flush(ctx context.Context) error {
	if s.op == fault.Flush {
		runtime.Goexit()
	}
	return s.Sink.Flush(ctx)
}
