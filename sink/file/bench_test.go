// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/sink/file"
)

// BenchmarkWrite writes batches of 64 records of 200 bytes: what it costs to look
// after the file, beside the write itself.
func BenchmarkWrite(b *testing.B) {
	tests := []struct {
		name string
		opts file.Options
	}{
		{name: "plain"},
		{name: "rotating", opts: file.Options{MaxSize: 64 << 20, RotateEvery: time.Hour, RotateAt: []string{"00:00"}, MaxFiles: 2}},
	}
	var lines []string
	for range 64 {
		lines = append(lines, strings.Repeat("x", 199))
	}
	batch := batchOf(lines...)
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			s := file.New(filepath.Join(b.TempDir(), "app.log"), &tt.opts)
			assert.NilError(b, s.Open(b.Context()))
			b.SetBytes(int64(len(batch.Bytes)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Write(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			assert.NilError(b, s.Close(b.Context()))
		})
	}
}
