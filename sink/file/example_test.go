// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/file"
)

// A file of at most 100 MB, rotated every midnight, with two weeks of compressed
// files that take 2 GB at most.
func ExampleOptions() {
	s := file.New("logs/app.log", &file.Options{
		MkdirAll: true,
		MaxSize:  100 << 20,
		RotateAt: []string{"00:00"},
		Compress: "gzip",
		MaxAge:   14 * 24 * time.Hour,
		MaxTotal: 2 << 30,
	})
	fmt.Println(s)
	// Output: logs/app.log
}

func ExampleSink_Rotate() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	s := file.New(filepath.Join(dir, "app.log"), nil)
	if err := s.Open(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range []string{"yesterday\n", "today\n"} {
		if err := s.Rotate(); err != nil { // the first time there is nothing to rotate
			fmt.Println(err)
		}
		if _, err := s.Write(ctx, sink.Batch{Bytes: []byte(line), Ends: []int{len(line)}}); err != nil {
			fmt.Println(err)
		}
	}
	if err := s.Close(ctx); err != nil {
		fmt.Println(err)
	}
	rotated, err := filepath.Glob(filepath.Join(dir, "app-*Z.log"))
	fmt.Println(len(rotated), "rotated", err)
	// Output: 1 rotated <nil>
}

// logrotate renames the file and sends SIGHUP.
func ExampleOnHangup() {
	app, audit := file.New("app.log", nil), file.New("audit.log", nil)
	stop := file.OnHangup(app, audit)
	defer stop()
	// Output:
}
