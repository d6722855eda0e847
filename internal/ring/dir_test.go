// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package ring

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

func TestFault75ADiskIsRefusedUnlessAllowed(t *testing.T) {
	o := Options{Dir: filepath.Join(t.TempDir(), "rings"), Name: "n", Program: "p"}
	_, err := Create(o, small)
	if err == nil {
		t.Skip("the temporary directory is in memory")
	}
	assert.ErrorContains(t, err, "ring: Durable.Dir: ")
	assert.ErrorContains(t, err, "name a directory on tmpfs, as below /dev/shm, or set AllowDisk")
	_, err = os.Stat(o.Dir)
	assert.ErrorIs(t, err, os.ErrNotExist, "nothing is left behind")
	o.AllowDisk = true
	r, err := Create(o, small)
	assert.NilError(t, err)
	r.Fill(0, 0, []byte("a"))
	assert.NilError(t, r.Leave())
	_, records := queued(adopt(t, o), 10)
	assert.DeepEqual(t, records, []string{"a"})
	left, err := filepath.Glob(filepath.Join(o.Dir, "*"))
	assert.NilError(t, err)
	assert.Equal(t, len(left), 1)
}

func TestDirectoryMustBeOurs(t *testing.T) {
	base := shm(t)
	for _, test := range []struct {
		name string
		make func(dir string) error
		want string // "" for no error
	}{
		{"missing", func(string) error { return nil }, ""},
		{"missing with its parent", func(dir string) error { return os.Remove(filepath.Dir(dir)) }, ""},
		{"readable by others", func(dir string) error { return os.Mkdir(dir, 0o755) }, ""},
		{"writable by the group", func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o770))
		}, "has mode 0770, so that others can write there: chmod go-w, or name another one"},
		{"writable by all", func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o1777))
		}, "so that others can write there"},
		{"symbolic link", func(dir string) error {
			return errors.Join(os.Mkdir(dir+"2", 0o700), os.Symlink(dir+"2", dir))
		}, "is a symbolic link or no directory: name the directory itself"},
		{"file", func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, "is a symbolic link or no directory"},
		{"of somebody else", func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 65534, 65534))
		}, "belongs to user 65534 and not to this one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(base, strings.ReplaceAll(test.name, " ", "-"), "rings")
			assert.NilError(t, os.Mkdir(filepath.Dir(dir), 0o700))
			if err := test.make(dir); errors.Is(err, os.ErrPermission) {
				t.Skip(err)
			} else {
				assert.NilError(t, err)
			}
			r, err := Create(Options{Dir: dir, Name: "n"}, small)
			if test.want != "" {
				assert.ErrorContains(t, err, "ring: Durable.Dir: ")
				assert.ErrorContains(t, err, test.want)
				return
			}
			assert.NilError(t, err)
			assert.NilError(t, r.Remove())
		})
	}
}

func TestFault34ModesDoNotDependOnTheUmask(t *testing.T) {
	base := shm(t)
	for _, mask := range []int{0, 0o777} {
		old := unix.Umask(mask)
		r, err := Create(Options{Dir: filepath.Join(base, fmt.Sprint(mask)), Name: "n"}, small)
		unix.Umask(old)
		assert.NilError(t, err)
		file, err := os.Stat(r.Path())
		assert.NilError(t, err)
		dir, err := os.Stat(filepath.Dir(r.Path()))
		assert.NilError(t, err)
		assert.Equal(t, file.Mode(), os.FileMode(0o600))
		assert.Equal(t, dir.Mode().Perm(), os.FileMode(0o700))
		assert.NilError(t, r.Remove())
	}
}

func TestFault38ARingIsNeverAStandardStream(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n"}
	kept, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Skip("there is no standard input: ", err)
	}
	assert.NilError(t, unix.Close(0))
	r, err := Create(o, small)
	var st unix.Stat_t
	free := unix.Fstat(0, &st)
	assert.NilError(t, unix.Dup2(kept, 0))
	assert.NilError(t, unix.Close(kept))
	assert.NilError(t, err)
	assert.ErrorIs(t, free, unix.EBADF)
	assert.Assert(t, r.fd > 2 && r.dir.fd > 2, "%d %d", r.fd, r.dir.fd)
	assert.NilError(t, r.Remove())
}

func TestDefaultDirectoryIsInMemoryAndOurs(t *testing.T) {
	run := shm(t)
	shared := fmt.Sprintf("/dev/shm/hydra-%d", os.Geteuid())
	file := filepath.Join(run, "file")
	assert.NilError(t, os.WriteFile(file, nil, 0o600))
	for _, test := range []struct{ name, value, want string }{
		{"unset", "", shared},
		{"ours", run, filepath.Join(run, "hydra")},
		{"relative", "run", shared},
		{"missing", filepath.Join(run, "missing"), shared},
		{"file", file, shared},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("XDG_RUNTIME_DIR", test.value)
			assert.Equal(t, DefaultDir(), test.want)
		})
	}
}

func TestNamesOfFilesTellTheirDestinationsApart(t *testing.T) {
	long := strings.Repeat("x", 200)
	seen := make(map[string]string)
	for _, name := range []string{"", "a", "A", "a.b", "a/b", "a%2Fb", "../a", "a\x00", "ä", long, long + "y", strings.Repeat("/", 27)} {
		e := escape(name)
		assert.Assert(t, seen[e] == "" && len(e) <= 80 && !strings.ContainsAny(e, "./\x00"), "%q: %q", name, e)
		seen[e] = "taken"
		o := Options{Dir: shm(t), Name: name, Program: "p"}
		r, err := Create(o, small)
		assert.NilError(t, err)
		assert.NilError(t, r.Leave())
		assert.Equal(t, adopt(t, o).Info().Name, name)
	}
	_, err := Create(Options{Dir: shm(t), Name: strings.Repeat("n", 1025)}, small)
	assert.ErrorContains(t, err, "a name of 1025 bytes is longer than 1024")
}

func TestStartedIsWhenTheProcessBegan(t *testing.T) {
	at := time.Unix(0, started())
	if d := time.Since(at); d < -time.Second || d > time.Hour {
		t.Errorf("got %v, want a moment ago", at)
	}
}
