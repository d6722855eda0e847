// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/sink/file"
)

func TestFault30And59BadOptionsNameTheFieldAndTheWayOut(t *testing.T) {
	tests := []struct {
		name string
		path string
		opts file.Options
		want string
	}{
		{name: "mode", opts: file.Options{Mode: 0o444}, want: "Options.Mode: -r--r--r-- lets not even the owner write: add 0200"},
		{name: "negative owner", opts: file.Options{UID: -1}, want: "Options.UID and GID: there are no owners -1:0"},
		{name: "negative size", opts: file.Options{MaxSize: -1}, want: "Options.MaxSize: -1 bytes are too few"},
		{name: "size in other units", opts: file.Options{MaxSize: 100}, want: "Options.MaxSize: 100 bytes are too few: the least is 1024"},
		{name: "negative interval", opts: file.Options{RotateEvery: -time.Hour}, want: "Options.RotateEvery: -1h0m0s is less than a second"},
		{name: "interval without a unit", opts: file.Options{RotateEvery: 24}, want: "Options.RotateEvery: 24ns is less than a second"},
		{name: "time of day", opts: file.Options{RotateAt: []string{"12:00", "24:00"}}, want: `Options.RotateAt: "24:00" is no time of day: write 15:04`},
		{name: "time of day without a zero", opts: file.Options{RotateAt: []string{"3:04"}}, want: `Options.RotateAt: "3:04" is no time of day`},
		{name: "names in a folder", opts: file.Options{Names: "old/{base}.{time}"}, want: "Options.Names: \"old/{base}.{time}\" contains what cannot be in the name of a file"},
		{name: "names without a time", opts: file.Options{Names: "{base}.old"}, want: "must contain {time} once"},
		{name: "names with two times", opts: file.Options{Names: "{base}.{time}.{time}"}, want: "must contain {time} once"},
		{name: "names of other logs", opts: file.Options{Names: "{time}.log"}, want: "so that it matches no other log's files"},
		{name: "names of logs with other extensions", opts: file.Options{Names: "{name}-{time}.log"}, want: "so that it matches no other log's files"},
		{name: "names that say it twice", opts: file.Options{Names: "{base}-{time}{base}"}, want: "so that it matches no other log's files"},
		{name: "names with the extension first", opts: file.Options{Names: "{ext}{name}-{time}"}, want: "so that it matches no other log's files"},
		{name: "names with strange braces", opts: file.Options{Names: "{base}.{time}{hour}"}, want: "and no other braces"},
		{name: "names like counters", opts: file.Options{Names: "{base}.{time}-1"}, want: "must not begin with a digit or '-'"},
		{name: "compressor", opts: file.Options{Compress: "zstd"}, want: `Options.Compress: "zstd" is not registered; use one of fat, gzip, none, slow, slowly, or import the package that registers it (zstd: github.com/hydra-logger/hydra/sink/file/zstd)`},
		{name: "files", opts: file.Options{MaxFiles: -1}, want: "Options.MaxFiles: there are no -1 files"},
		{name: "age", opts: file.Options{MaxAge: 7}, want: "Options.MaxAge: 7ns is less than a second"},
		{name: "total", opts: file.Options{MaxTotal: -1}, want: "Options.MaxTotal: -1 bytes"},
		{name: "total below a file", opts: file.Options{MaxTotal: 1 << 20, MaxSize: 1 << 21}, want: "Options.MaxTotal: 1048576 bytes cannot hold one file of MaxSize 2097152"},
		{name: "no room for a time", path: strings.Repeat("n", 228) + ".log", opts: file.Options{MaxSize: 1024}, want: "the path: the names of rotated files would be 257 long, and no more than 255 is possible: shorten the name of the file by 2"},
		{name: "no room for a compression", path: strings.Repeat("n", 220) + ".log", opts: file.Options{RotateEvery: time.Hour, Compress: "gzip"}, want: "shorten the name of the file by 1"},
		{name: "policy", opts: file.Options{Sync: 4}, want: "Options.Sync: there is no policy 4"},
		{name: "sync interval", opts: file.Options{Sync: file.SyncInterval, SyncEvery: 1}, want: "Options.SyncEvery: 1ns has no use"},
		{name: "sync interval without the policy", opts: file.Options{SyncEvery: time.Second}, want: "Options.SyncEvery: 1s has no use"},
		{name: "Fault30: newline", path: "a\nb", want: `the path contains the control character '\n': remove it`},
		{name: "Fault30: above the root", path: "../app.log", opts: file.Options{Root: "logs"}, want: `the path leaves Options.Root "logs"`},
		{name: "Fault30: above the root on the way", path: "a/../../app.log", opts: file.Options{Root: "logs"}, want: `the path leaves Options.Root "logs"`},
		{name: "Fault30: absolute below a root", path: os.DevNull, opts: file.Options{Root: "logs"}, want: `the path leaves Options.Root "logs"`},
		{name: "root and links", opts: file.Options{Root: "logs", AllowLinks: true}, want: "Options.AllowLinks: a link cannot be followed and stay in Options.Root"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if tt.path == "" {
				tt.path = "app.log"
			}
			err := file.New(tt.path, &tt.opts).Open(t.Context())
			assert.ErrorContains(t, err, tt.want)
			left, err := os.ReadDir(".")
			assert.NilError(t, err)
			assert.Equal(t, len(left), 0, "Fault59: no file is created")
		})
	}
}

func TestOpenReportsAllMistakesAtOnce(t *testing.T) {
	err := file.New("", &file.Options{MaxSize: -1, MaxFiles: -1, MaxAge: -1}).Open(t.Context())
	for _, want := range []string{"the path is empty", "MaxSize", "MaxFiles", "MaxAge"} {
		assert.ErrorContains(t, err, want)
	}
}

func TestARootThatIsMissingIsNamed(t *testing.T) {
	root := filepath.Join(t.TempDir(), "logs")
	for _, mkdir := range []bool{false, true} {
		err := file.New("app.log", &file.Options{Root: root, MkdirAll: mkdir}).Open(t.Context())
		assert.ErrorContains(t, err, "the Root that it must stay in does not exist: create that (")
		assert.ErrorContains(t, err, root)
		assert.Assert(t, !strings.Contains(err.Error(), "MkdirAll"), "got %v, want no way out that is none", err)

		// In Config.Root, which is there.
		s := file.New("app.log", &file.Options{Root: "logs", MkdirAll: mkdir})
		assert.NilError(t, s.Confine(filepath.Dir(root)))
		err = s.Open(t.Context())
		assert.ErrorContains(t, err, "the Root that it must stay in does not exist: create that (")
		assert.ErrorContains(t, err, "logs")
		assert.Assert(t, !strings.Contains(err.Error(), "MkdirAll"), "got %v, want no way out that is none", err)
	}
}

func TestOwnersAboveTheLastAreRefused(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("an int holds no such owner")
	}
	tooMuch := math.MaxInt32
	tooMuch = 2*tooMuch + 2
	err := file.New("app.log", &file.Options{GID: tooMuch}).Open(t.Context())
	assert.ErrorContains(t, err, "Options.UID and GID: there are no owners 0:4294967296")
}

func TestFault25OnlyNamesOfExactlyThePatternAreOurs(t *testing.T) {
	tests := []struct {
		name     string
		template string
		base     string
		names    []string
		want     []string // of names, oldest first
	}{
		{
			name: "default", base: "app.log",
			names: []string{
				"app.log", "app-20260102T030405.006Z.log", "app-20260102T030405.006Z-2.log.gz", "app-20260102T030405.006Z-10.log",
				"app-20260102T030405.006Z-02.log", "app-20260102T030405.006Z-0.log", "app-20260102T030405.006Z-.log", "app-20260102T030405.006Z--1.log",
				"app-20260102T030405.006Z-99999999999999999999.log", "app-20261302T030405.006Z.log", "app-20260230T030405.006Z.log",
				"app-20260102T030405.006Z.log.bz2", "app-20260102T030405.006Z.log.gz.gz", "app-20260102T030405.006Z.logx", "app-20260102T030405.006.log",
				"xapp-20260102T030405.006Z.log", "app-x-20260102T030405.006Z.log", "App-20260102T030405.006Z.log", "app-20260102T030405.006Z.txt", "app-", "app-important.log",
				"app-20260102T030405,006Z.log", "app-20250102T030405.006Z.log.gz",
			},
			want: []string{"app-20250102T030405.006Z.log.gz", "app-20260102T030405.006Z.log", "app-20260102T030405.006Z-2.log.gz", "app-20260102T030405.006Z-10.log"},
		},
		{name: "no extension", base: "app", names: []string{"app-20260102T030405.006Z", "app-20260102T030405.006Z.log"}, want: []string{"app-20260102T030405.006Z"}},
		{name: "the extension of a compressor", base: "app.gz", names: []string{"app.gz-20260102T030405.006Z", "app-20260102T030405.006Z.gz", "app.gz-20260102T030405.006Z.gz"}, want: []string{"app.gz-20260102T030405.006Z", "app.gz-20260102T030405.006Z.gz"}},
		{name: "nothing but an extension", base: ".log", names: []string{".log-20260102T030405.006Z", "-20260102T030405.006Z.log"}, want: []string{".log-20260102T030405.006Z"}},
		{name: "base", template: "{base}.{time}", base: "app.log", names: []string{"app.log.20260102T030405.006Z.gz", "app-20260102T030405.006Z.log"}, want: []string{"app.log.20260102T030405.006Z.gz"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := file.Backups(tt.template, tt.base, tt.names)
			assert.NilError(t, err)
			assert.DeepEqual(t, got, tt.want)
		})
	}
}

func TestRotatedFilesHaveNamesByTheTemplate(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, filepath.Join(dir, "app.log"), &file.Options{Names: "old_{time}.{base}"})
	write(t, s, "one")
	assert.NilError(t, s.Rotate())
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	got := entries[1].Name()
	assert.Assert(t, strings.HasPrefix(got, "old_2") && strings.HasSuffix(got, "Z.app.log"), got)
}

func TestFault30ConfinedFilesStayBelowTheirRoot(t *testing.T) {
	outside := t.TempDir()
	root := filepath.Join(t.TempDir(), "logs")
	assert.NilError(t, os.Mkdir(root, 0o700))
	s := opened(t, "a/b/app.log", &file.Options{Root: root, MkdirAll: true, MaxSize: 1024, Compress: "gzip", MaxFiles: 1, Sync: file.SyncFlush})
	big := strings.Repeat("x", 1000)
	for range 4 {
		write(t, s, big)
	}
	assert.NilError(t, s.Flush(t.Context()))
	assert.NilError(t, s.Close(t.Context()))
	path := filepath.Join(root, "a", "b", "app.log")
	assert.Equal(t, content(t, path), big+"\n")
	assert.Equal(t, s.Stats().RotationErrors+s.Stats().SyncErrors, uint64(0), s.Stats().LastError)
	assert.Assert(t, len(backups(t, path)) > 0)

	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege here")
	}
	assert.NilError(t, os.Symlink(outside, filepath.Join(root, "out")))
	assert.ErrorContains(t, file.New("out/app.log", &file.Options{Root: root}).Open(t.Context()), "escapes")
	assert.ErrorContains(t, file.New("out/new/app.log", &file.Options{Root: root, MkdirAll: true}).Open(t.Context()), "cannot create its directory")
	assert.NilError(t, os.Symlink(filepath.Join(outside, "app.log"), filepath.Join(root, "link")))
	assert.ErrorContains(t, file.New("link", &file.Options{Root: root}).Open(t.Context()), "it is a symbolic link")
	assert.ErrorContains(t, file.New("app.log", &file.Options{Root: filepath.Join(root, "missing")}).Open(t.Context()), "does not exist")
	left, err := os.ReadDir(outside)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
}

func FuzzFault30PathsNeverLeaveTheirRoot(f *testing.F) {
	for _, seed := range []string{"app.log", "../x", "/etc/x", "a/../../b", "a\x00b", "C:\\x", "a//b", "./a", "..", "a/", "con", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		parent := t.TempDir()
		root := filepath.Join(parent, "root")
		assert.NilError(t, os.Mkdir(root, 0o700))
		s := file.New(path, &file.Options{Root: root, MkdirAll: true})
		if s.Open(t.Context()) == nil {
			assert.NilError(t, s.Close(t.Context()))
		}
		left, err := os.ReadDir(parent)
		assert.NilError(t, err)
		assert.Equal(t, len(left), 1, "%q left the root", path)
	})
}

func TestConfineComesBeforeOpen(t *testing.T) {
	root := t.TempDir()
	s := file.New("app.log", nil)
	assert.ErrorContains(t, s.Confine("logs"), "give an absolute path")
	assert.NilError(t, s.Confine(root))
	open(t, s)
	assert.NilError(t, s.Confine(root))
	assert.ErrorContains(t, s.Confine(t.TempDir()), "it is open already: confine it before")
	write(t, s, "one")
	assert.Equal(t, content(t, filepath.Join(root, "app.log")), "one\n")
}

func TestConfineSaysThatAPathIsEmptyAndNotThatItLeavesTheFolder(t *testing.T) {
	for _, root := range []string{"", "logs"} {
		err := file.New("", &file.Options{Root: root}).Confine(t.TempDir())
		assert.ErrorContains(t, err, `log file "": the path is empty: name a file, as the first argument of New`)
	}
}
