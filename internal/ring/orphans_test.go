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

func TestFault6ARingThatKillsWhoeverAdoptsItIsPutAside(t *testing.T) {
	q := newRig(t, small)
	q.put("a", "b")
	o := plant(t, Options{Dir: shm(t), Name: "n", Program: "p"}, nil)
	name, err := os.ReadDir(o.Dir)
	assert.NilError(t, err)
	path := filepath.Join(o.Dir, name[0].Name())
	b := []byte(q.image)
	// die adopts what is there, does something and dies: the file stays as it is then.
	die := func(do func(o *Orphan)) (attempts int) {
		assert.NilError(t, os.WriteFile(path, b, 0o600))
		found, _, err := Orphans(o)
		assert.NilError(t, err)
		assert.Equal(t, len(found), 1)
		r, err := found[0].Adopt()
		assert.NilError(t, err)
		do(r)
		b = append([]byte(nil), r.image...)
		assert.NilError(t, r.Leave())
		return r.Info().Attempts
	}
	try := func(o *Orphan) { o.Attempt() }
	for range 5 {
		assert.Equal(t, die(func(*Orphan) {}), 1) // it has not come to the sink
	}
	assert.Equal(t, die(try), 1)
	assert.Equal(t, die(try), 2)
	for _, progress := range []func(o *Orphan){
		func(o *Orphan) { o.Survived() },
		func(o *Orphan) {
			assert.NilError(t, o.Begin(0, 1, []byte("a"), []int{1}, 0, nil))
			o.End()
		},
	} {
		assert.Equal(t, die(func(o *Orphan) { o.Attempt(); progress(o) }), 3)
		assert.Equal(t, die(try), 1)
		assert.Equal(t, die(try), 2)
	}
	assert.Equal(t, die(try), 3)
	assert.NilError(t, os.WriteFile(path, b, 0o600))
	found, _, err := Orphans(o)
	assert.NilError(t, err)
	_, err = found[0].Adopt()
	var bad *AsideError
	assert.Assert(t, errors.As(err, &bad))
	assert.Equal(t, bad.Reason, "3 processes have tried to recover it, and nothing came of it")
	assert.Equal(t, bad.Path, strings.TrimSuffix(path, ".ring")+".bad")
	_, err = os.Stat(bad.Path)
	assert.NilError(t, err)
	_, err = Create(o, small) // the program starts all the same
	assert.NilError(t, err)
}

func TestFault7OrphansComeOldestFirstAndTheirBytesAreBounded(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	size := int64(0)
	for i := range 5 {
		r, err := Create(o, small)
		assert.NilError(t, err)
		r.Fill(0, 0, fmt.Append(nil, i))
		size = int64(len(r.image))
		assert.NilError(t, r.Leave())
	}
	found, aside, err := Orphans(o)
	assert.NilError(t, err)
	assert.Equal(t, len(aside), 0)
	assert.Equal(t, len(found), 5)
	for i, c := range found {
		r, err := c.Adopt()
		assert.NilError(t, err)
		_, records := queued(r, 10)
		assert.DeepEqual(t, records, []string{fmt.Sprint(i)})
		assert.NilError(t, r.Leave())
		assert.Assert(t, i == 0 || c.Created.After(found[i-1].Created))
	}

	o.MaxOrphans = 2*size + 1
	kept, aside, err := Orphans(o)
	assert.NilError(t, err)
	assert.DeepEqual(t, []string{kept[0].Path, kept[1].Path}, []string{found[3].Path, found[4].Path})
	assert.Equal(t, len(aside), 3)
	for i, a := range aside {
		assert.Equal(t, a.Path, strings.TrimSuffix(found[i].Path, ".ring")+".bad")
		assert.Equal(t, a.Reason, fmt.Sprintf("the rings that wait to be recovered have more than %d bytes", o.MaxOrphans))
		_, err := os.Stat(a.Path)
		assert.NilError(t, err, "deleted")
	}
	// All of them together are more than twice as much: hydra makes no more.
	_, err = Create(o, small)
	assert.ErrorContains(t, err, "look at those that end in .bad and delete them")
	assert.NilError(t, os.Remove(aside[0].Path))
	r, err := Create(o, small)
	assert.NilError(t, err)
	assert.NilError(t, r.Remove())
}

func TestOrphansOfOthersAreLeftAlone(t *testing.T) {
	mine := Options{Dir: shm(t), Name: "n", Program: "p"}
	for _, o := range []Options{{Name: "n", Program: "q"}, {Name: "m", Program: "p"}, {Name: "n.x", Program: "p"}, {Name: "", Program: "p.n"}} {
		o.Dir = mine.Dir
		r, err := Create(o, small)
		assert.NilError(t, err)
		assert.NilError(t, r.Leave())
	}
	for _, name := range []string{"p.n.ring", "p.n.x.bad", "other"} {
		assert.NilError(t, os.WriteFile(filepath.Join(mine.Dir, name), nil, 0o600))
	}
	found, aside, err := Orphans(mine)
	assert.NilError(t, err)
	assert.Equal(t, len(found)+len(aside), 0)
}

func TestFault74ALockDecidesWhoseARingIs(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	a, err := Create(o, small)
	assert.NilError(t, err)
	b, err := Create(o, small)
	assert.NilError(t, err)
	assert.Assert(t, a.Path() != b.Path())
	found, aside, err := Orphans(o)
	assert.NilError(t, err)
	assert.Equal(t, len(found)+len(aside), 0) // both are held, by this very process

	a.Fill(0, 0, []byte("a"))
	assert.NilError(t, a.Leave())
	found, _, err = Orphans(o)
	assert.NilError(t, err)
	assert.Equal(t, len(found), 1)
	first, err := found[0].Adopt()
	assert.NilError(t, err)
	_, err = found[0].Adopt()
	assert.ErrorIs(t, err, ErrTaken)
	a.Fill(1, 1, []byte("late")) // by a producer that comes back to what is no longer ours
	assert.NilError(t, first.Leave())
	again, err := found[0].Adopt()
	assert.NilError(t, err)
	_, records := queued(again, 10)
	assert.DeepEqual(t, records, []string{"a"})
	assert.NilError(t, again.Remove())
	_, err = found[0].Adopt()
	assert.ErrorIs(t, err, ErrTaken)
	assert.NilError(t, b.Remove())
}

func TestWhatDiedBeingMadeIsClearedAway(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	newborn := filepath.Join(o.Dir, prefixOf(o)+strings.Repeat("0", 32)+newbornEnding)
	assert.NilError(t, os.WriteFile(newborn, make([]byte, 10000), 0o600))
	r, err := Create(o, small)
	assert.NilError(t, err)
	assert.NilError(t, r.Remove())
	left, err := os.ReadDir(o.Dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
}

func TestFault75ADiskIsRefusedUnlessAllowed(t *testing.T) {
	o := Options{Dir: filepath.Join(t.TempDir(), "rings"), Name: "n", Program: "p"}
	_, err := Create(o, small)
	if err == nil {
		t.Skip("the temporary directory is in memory")
	}
	assert.ErrorContains(t, err, "ring: Durable.Dir: ")
	assert.ErrorContains(t, err, "name a directory on tmpfs, as below /dev/shm, or set AllowDisk")
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
			assert.Equal(t, defaultDir(), test.want)
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
