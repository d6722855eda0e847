// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package file_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

// A stranger has the lock by which a sink keeps its file from being compressed, and lets
// go between the sink's look at the file and its write.
func TestFault27AWriteIntoAFileThatIsCompressedMeanwhileIsNotTaken(t *testing.T) {
	tests := []struct {
		name string
		opts file.Options
	}{
		{name: "rotated by size", opts: file.Options{MaxSize: 1024, Compress: "gzip"}},
		{name: "rotated by hand", opts: file.Options{Compress: "gzip"}},
		{name: "removed", opts: file.Options{MaxTotal: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				assert.NilError(t, os.WriteFile(path, []byte("zero\n"), 0o600))
				stranger, err := os.Open(path)
				assert.NilError(t, err)
				defer stranger.Close()
				assert.NilError(t, unix.Flock(int(stranger.Fd()), unix.LOCK_EX))
				other := opened(t, path, &tt.opts)
				let := func(n int) fault.Action {
					if n == 1 {
						assert.NilError(t, stranger.Close())
						assert.NilError(t, other.Rotate())
						synctest.Wait() // until the other's keeper has nothing to do
					}
					return fault.Action{}
				}
				s, _ := faulty(path, &tt.opts, map[string]fault.Script{fault.Write: let})
				open(t, s)
				n, err := s.Write(t.Context(), batchOf("one"))
				assert.ErrorContains(t, err, "it was rotated and compressed while it was written to")
				assert.Equal(t, n, 0)
				write(t, s, "one")
				assert.Equal(t, content(t, path), "one\n")
			})
		})
	}
}
