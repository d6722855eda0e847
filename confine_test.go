// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/file"
)

// rooted returns the Config of one destination below root.
func rooted(root string, s sink.Sink) hydra.Config {
	return hydra.Config{Root: root, MemoryLimit: -1, Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{Name: "d", Sink: s, Format: lines{}, RetryFor: -1}}},
	}}
}

// below returns the folders of a test: outside is next to root, which links lead out of.
func below(t *testing.T) (root, outside string) {
	t.Helper()
	parent := t.TempDir()
	root, outside = filepath.Join(parent, "root"), filepath.Join(parent, "outside")
	for _, dir := range []string{root, outside, filepath.Join(root, "logs")} {
		assert.NilError(t, os.Mkdir(dir, 0o700))
	}
	return root, outside
}

func TestFault30RootKeepsTheFilesOfAllSinksBelowIt(t *testing.T) {
	root, _ := below(t)
	tests := []struct {
		name string
		path string
		opts file.Options
		want string // the file, below root
	}{
		{name: "a name", path: "a.log", want: "a.log"},
		{name: "a folder", path: "logs/b.log", want: "logs/b.log"},
		{name: "dots that stay inside", path: "logs/../c.log", want: "c.log"},
		{name: "new folders", path: "x/y/d.log", opts: file.Options{MkdirAll: true}, want: "x/y/d.log"},
		{name: "a root in it", path: "e.log", opts: file.Options{Root: filepath.Join(root, "logs")}, want: "logs/e.log"},
		{name: "a root relative to it", path: "f.log", opts: file.Options{Root: "logs"}, want: "logs/f.log"},
		{name: "itself as root", path: "g.log", opts: file.Options{Root: root}, want: "g.log"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := file.New(tt.path, &tt.opts)
			for range 2 { // also once more, with the sink of before
				h, err := hydra.Open(rooted(root, s))
				assert.NilError(t, err)
				assert.NilError(t, say(h, "one"))
				assert.NilError(t, h.Flush(t.Context()))
				assert.NilError(t, s.Rotate())
				assert.NilError(t, h.Close(t.Context()))
			}
			folder := filepath.Join(root, filepath.Dir(tt.want))
			entries, err := filepath.Glob(filepath.Join(folder, strings.TrimSuffix(filepath.Base(tt.want), ".log")+"*.log"))
			assert.NilError(t, err)
			assert.Equal(t, len(entries), 3, "the file and two that were rotated: %v", entries)
		})
	}
}

// TestFault29 and 30: every path that would lead out of Root.
func TestFault29And30NothingLeavesRoot(t *testing.T) {
	root, outside := below(t)
	links := runtime.GOOS != "windows" // where they need a privilege
	if links {
		for name, target := range map[string]string{
			"out": outside, "up": "..", "victim.log": filepath.Join(outside, "victim.log"), "logs/out": "../../outside",
			"in": filepath.Join(root, "logs"),
		} {
			assert.NilError(t, os.Symlink(target, filepath.Join(root, name)))
		}
	}
	tests := []struct {
		name string
		path string
		opts file.Options
		link bool
		want string
	}{
		{name: "absolute", path: filepath.Join(outside, "a.log"), want: "the path leaves"},
		{name: "absolute, though inside", path: filepath.Join(root, "a.log"), want: "give a path relative to it"},
		{name: "dots", path: "../outside/a.log", want: "the path leaves"},
		{name: "dots in the middle", path: "logs/../../outside/a.log", want: "the path leaves"},
		{name: "NUL", path: "a\x00.log", want: "the path contains the control character"},
		{name: "newline", path: "a\n.log", want: "the path contains the control character"},
		{name: "empty", want: "the path"},
		{name: "a linked folder", path: "out/a.log", link: true, want: "escapes"},
		{name: "a linked folder, relative", path: "logs/out/a.log", link: true, want: "escapes"},
		{name: "a new folder behind a link", path: "out/new/a.log", opts: file.Options{MkdirAll: true}, link: true, want: "cannot create its directory"},
		{name: "the folder above, by a link", path: "up/outside/a.log", link: true, want: "escapes"},
		{name: "an absolute link, though inside", path: "in/a.log", link: true, want: "escapes"},
		{name: "a linked file", path: "victim.log", link: true, want: "it is a symbolic link"},
		{name: "links that are allowed", path: "victim.log", opts: file.Options{AllowLinks: true}, want: "Options.AllowLinks"},
		{name: "a root elsewhere", path: "a.log", opts: file.Options{Root: outside}, want: "Options.Root"},
		{name: "a root above", path: "a.log", opts: file.Options{Root: ".."}, want: "Options.Root"},
		{name: "a root by a link", path: "a.log", opts: file.Options{Root: "out"}, link: true, want: "escapes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.link && !links {
				t.Skip("symbolic links need a privilege here")
			}
			_, err := hydra.Open(rooted(root, file.New(tt.path, &tt.opts)))
			assert.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, `Layers["default"].Destinations[0].Sink`)

			// NewHandler brings the records elsewhere.
			c := rooted(root, file.New(tt.path, &tt.opts))
			fallback := &fault.Writer{}
			c.Fallback = fallback
			h := hydra.NewHandler(c)
			assert.NilError(t, say(h, "one"))
			_ = h.Flush(t.Context()) // an error if the record was still under way
			assert.Equal(t, h.Health().Destinations[0].Fallback, uint64(1))
			_ = h.Close(t.Context()) // told by Flush
			assert.DeepEqual(t, strays(fallback), []string{"one"})

			left, err := os.ReadDir(outside)
			assert.NilError(t, err)
			assert.Equal(t, len(left), 0, "%v", left)
		})
	}
}

func TestRootDoesNotConcernSinksWithoutPaths(t *testing.T) {
	var b bytes.Buffer
	h, err := hydra.Open(rooted(t.TempDir(), hydra.Writer(&b)))
	assert.NilError(t, err)
	assert.NilError(t, say(h, "one"))
	assert.NilError(t, h.Close(t.Context()))
	assert.Equal(t, b.String(), "one\n")
}

func TestAWrongRootLetsNoPathThrough(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	_, err := hydra.Open(rooted("a\nb", file.New(path, nil)))
	assert.ErrorContains(t, err, `Root: "a\nb" has control characters in it`)
	c, fallback := rooted("a\nb", file.New(path, nil)), &fault.Writer{}
	c.Fallback = fallback
	h := hydra.NewHandler(c)
	assert.NilError(t, say(h, "one"))
	_ = h.Close(t.Context()) // an error if the record was still under way
	assert.Equal(t, h.Health().Destinations[0].Fallback, uint64(1))
	assert.DeepEqual(t, strays(fallback), []string{"one"})
	_, err = os.Stat(path)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// A brokenConfiner panics when it is confined.
type brokenConfiner struct{ fault.Sink }

func (*brokenConfiner) Confine(string) error { panic("bad sink") }

func TestASinkThatPanicsWhenItIsConfinedIsAMistake(t *testing.T) {
	_, err := hydra.Open(rooted(t.TempDir(), &brokenConfiner{}))
	assert.ErrorContains(t, err, `Layers["default"].Destinations[0].Sink: cannot be kept below Root: `)
	assert.ErrorContains(t, err, "bad sink")
}

func FuzzFault30NoPathLeavesRoot(f *testing.F) {
	for _, seed := range []string{"app.log", "../x", "/etc/x", "a/../../b", "a\x00b", `C:\x`, "a//b", "./a", "..", "a/", "con", "\xff", "out/x", "up/x", "up/root/x"} {
		f.Add(seed, "")
		f.Add("x", seed)
	}
	f.Fuzz(func(t *testing.T, path, sub string) {
		root, outside := below(t)
		if runtime.GOOS != "windows" {
			assert.NilError(t, os.Symlink(outside, filepath.Join(root, "out")))
			assert.NilError(t, os.Symlink("..", filepath.Join(root, "up")))
		}
		s := file.New(path, &file.Options{Root: sub, MkdirAll: true})
		if s.Confine(root) == nil && s.Open(t.Context()) == nil {
			assert.NilError(t, s.Close(t.Context()))
		}
		left, err := os.ReadDir(outside)
		assert.NilError(t, err)
		assert.Equal(t, len(left), 0, "%q below %q left the root", path, sub)
		left, err = os.ReadDir(filepath.Dir(root))
		assert.NilError(t, err)
		assert.Equal(t, len(left), 2, "%q below %q left the root", path, sub)
	})
}
