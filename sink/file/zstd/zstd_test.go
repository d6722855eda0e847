// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package zstd_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/klauspost/compress/zstd"

	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/file"
	_ "github.com/hydra-logger/hydra/sink/file/zstd"
)

func TestRotatedFilesAreCompressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := file.New(filepath.Join(dir, "app.log"), &file.Options{Compress: "zstd"})
		if err := s.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := strings.Repeat("a line\n", 1000)
		if _, err := s.Write(t.Context(), sink.Batch{Bytes: []byte(want), Ends: []int{len(want)}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Rotate(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		found, err := filepath.Glob(filepath.Join(dir, "app-*.log.zst"))
		if err != nil || len(found) != 1 {
			t.Fatalf("got %v, %v, want one file", found, err)
		}
		packed, err := os.Open(found[0])
		if err != nil {
			t.Fatal(err)
		}
		defer packed.Close()
		r, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got, err := io.ReadAll(r)
		if err != nil || string(got) != want {
			t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
		}
		info, err := packed.Stat()
		if err != nil || info.Size() >= int64(len(want)) {
			t.Errorf("got %d bytes, %v, want less than %d", info.Size(), err, len(want))
		}
	})
}

func TestACompressionOfAnotherVersionIsRecognized(t *testing.T) {
	tests := []struct {
		name string
		cut  int // bytes that are missing at its end
		left int // files beside the log
	}{
		{name: "complete", left: 1},
		{name: "cut off", cut: 1, left: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				text := []byte(strings.Repeat("a line\n", 1000))
				w, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(1))
				if err != nil {
					t.Fatal(err)
				}
				packed := w.EncodeAll(text, nil)
				rotated := filepath.Join(dir, "app-20000101T000000.000Z.log")
				for name, content := range map[string][]byte{rotated: text, rotated + ".zst": packed[:len(packed)-tt.cut]} {
					if err := os.WriteFile(name, content, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				s := file.New(filepath.Join(dir, "app.log"), &file.Options{Compress: "zstd"})
				if err := s.Open(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if err := s.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				found, err := filepath.Glob(filepath.Join(dir, "app-*"))
				if err != nil || len(found) != tt.left {
					t.Errorf("got %v, %v, want %d", found, err, tt.left)
				}
			})
		})
	}
}
