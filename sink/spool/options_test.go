// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/spool"
)

func TestOpenReturnsEveryMistakeAtOnce(t *testing.T) {
	base := t.TempDir()
	in := func(name string) string { return filepath.Join(base, name) }
	assert.NilError(t, os.WriteFile(in("file"), nil, 0o600))
	assert.NilError(t, os.Mkdir(in("open"), 0o700))
	assert.NilError(t, os.Chmod(in("open"), 0o777))
	assert.NilError(t, os.Mkdir(in("good"), 0o700))
	if err := os.Symlink(in("good"), in("link")); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		dir  string
		opts *spool.Options
		want []string
	}{
		{"no folder", "", nil, []string{"dir: it is empty"}},
		{"NUL", "a\x00b", nil, []string{`dir: it contains the control character '\x00'`}},
		{"new line", "a\nb", nil, []string{`dir: it contains the control character '\n': remove it`}},
		{"a file", in("file"), nil, []string{"dir: it is a file where a folder should be"}},
		{"below a file", in("file/spool"), nil, []string{"dir: "}},
		{"nothing above it", in("none/spool"), nil, []string{"dir: the folder that it should be made in is missing"}},
		{"a link", in("link"), nil, []string{"dir: it is a symbolic link"}},
		{"anybody's", in("open"), nil, []string{"dir: others may write to it", "chmod 700"}},
		{"sizes", in("good"), &spool.Options{MaxBytes: -1, SegmentBytes: 1}, []string{"Options.MaxBytes: -1", "Options.SegmentBytes: 1 is not between"}},
		{"segments larger than the whole", in("good"), &spool.Options{MaxBytes: 5000, SegmentBytes: 6000}, []string{"Options.SegmentBytes: 6000 is more than Options.MaxBytes, 5000: give it 1250"}},
		{"a whole too small for any segment", in("good"), &spool.Options{MaxBytes: 100}, []string{"Options.MaxBytes: 100 is less than 4096"}},
		{"a segment without bounds", in("good"), &spool.Options{MaxBytes: 1 << 40, SegmentBytes: 1 << 31}, []string{"Options.SegmentBytes: 2147483648", "8 MiB, or a quarter of Options.MaxBytes if that is less"}},
		{"times", in("good"), &spool.Options{Patience: -1, RetryMost: -1}, []string{"Options.Patience: -1ns", "Options.RetryMost: -1ns"}},
		{"policy", in("good"), &spool.Options{Sync: 7}, []string{"Options.Sync: there is no policy 7"}},
		{"everything", "", &spool.Options{MaxBytes: -1, Patience: -1, RetryMost: 1, Sync: -1}, []string{
			"dir: ", "Options.MaxBytes: ", "Options.Patience: ", "Options.RetryMost: ", "Options.Sync: ",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && (tt.name == "a link" || tt.name == "anybody's") {
				t.Skip("Windows has neither modes nor links for all")
			}
			var inner fault.Sink
			s := spool.New(&inner, tt.dir, tt.opts)
			err := s.Open(t.Context())
			assert.Assert(t, err != nil)
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
			if got := strings.Count(err.Error(), "\n") + 1; got > len(tt.want) {
				t.Errorf("got %d mistakes, want no others than %q: %v", got, tt.want, err)
			}
			assert.Equal(t, len(inner.Calls()), 0)
		})
	}
	assert.ErrorContains(t, spool.New(nil, in("good"), nil).Open(t.Context()), "inner: it is nil")
	entries, err := os.ReadDir(in("good"))
	assert.NilError(t, err)
	assert.Equal(t, len(entries), 0) // nothing was made
}

func TestOpenMakesTheFolderForItsOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "spool")
	inner := fault.Sink{OnWrite: fault.Always(fault.Fail(errAway))}
	write(t, opened(t, &inner, dir, &spool.Options{Patience: 1}), numbered(0, 3))
	info, err := os.Stat(dir)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o700))
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(entries), 3) // the lock, the cursor, a segment
	for _, e := range entries {
		info, err := e.Info()
		assert.NilError(t, err)
		assert.Equal(t, info.Mode(), os.FileMode(0o600), e.Name())
	}
}

func TestAFolderHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	var first, second fault.Sink
	s := opened(t, &first, dir, nil)
	err := spool.New(&second, dir, nil).Open(t.Context())
	assert.ErrorContains(t, err, "another process, or another sink of this one, has the folder")
	assert.Equal(t, len(second.Calls()), 0)
	assert.NilError(t, s.Close(t.Context()))
	opened(t, &second, dir, nil)
}

// A cleaner of old files may find one that nothing is ever written to.
func TestAFolderHasOneOwnerThoughSomebodyRemovesTheLock(t *testing.T) {
	dir := t.TempDir()
	var first, second fault.Sink
	s := opened(t, &first, dir, nil)
	if err := os.Remove(filepath.Join(dir, "spool.lock")); err != nil {
		t.Skip("an open file cannot be removed here: ", err)
	}
	err := spool.New(&second, dir, nil).Open(t.Context())
	assert.ErrorContains(t, err, "another process, or another sink of this one, has the folder")
	assert.NilError(t, s.Close(t.Context()))
	opened(t, &second, dir, nil)
}

func TestOtherFilesOfTheFolderAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	names := []string{"spool-1.seg", "spool-00000000000000001.seg", "spool-0000000000000001.seg~", "xspool-0000000000000001.seg", "notes.txt"}
	for _, name := range names {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600))
	}
	assert.NilError(t, os.Mkdir(filepath.Join(dir, "spool-0000000000000002.seg"), 0o700))
	var inner fault.Sink
	s := opened(t, &inner, dir, nil)
	_, err := s.Write(ended(), numbered(0, 9)) // spools
	assert.NilError(t, err)
	assert.NilError(t, s.Close(t.Context()))
	assert.DeepEqual(t, inner.Lines(), lines(0, 9))
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		assert.NilError(t, err)
		assert.Equal(t, string(text), "mine")
	}
	assert.Equal(t, len(segments(t, dir)), len(names)+1)
}

func TestFault29LinksInTheFolderAreNotFollowed(t *testing.T) {
	for _, name := range []string{"spool.lock", "spool.cursor"} {
		dir := t.TempDir()
		victim := filepath.Join(t.TempDir(), "victim")
		assert.NilError(t, os.WriteFile(victim, []byte("mine"), 0o600))
		if err := os.Symlink(victim, filepath.Join(dir, name)); err != nil {
			t.Skip("no links here: ", err)
		}
		if runtime.GOOS == "windows" {
			t.Skip("Windows gives links to few")
		}
		err := spool.New(&fault.Sink{}, dir, nil).Open(t.Context())
		assert.ErrorContains(t, err, name)
		assert.NilError(t, os.Remove(filepath.Join(dir, name)))
		assert.NilError(t, os.Link(victim, filepath.Join(dir, name)))
		err = spool.New(&fault.Sink{}, dir, nil).Open(t.Context())
		assert.ErrorContains(t, err, "has another name, a hard link")
		text, err := os.ReadFile(victim)
		assert.NilError(t, err)
		assert.Equal(t, string(text), "mine")
	}
}

func TestFault59EachOfSeveralMistakesNamesTheSpool(t *testing.T) {
	err := spool.New(&fault.Sink{}, "", &spool.Options{Patience: -1}).Open(t.Context())
	for _, line := range strings.Split(err.Error(), "\n") {
		assert.Assert(t, strings.HasPrefix(line, `hydra: spool "": `), line)
	}
	assert.Equal(t, strings.Count(err.Error(), "\n"), 1, err)
}
