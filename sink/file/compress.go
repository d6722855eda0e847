// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/internal/stdfd"
)

// A Compressor compresses rotated files.
type Compressor struct {
	// Extension is what it adds to the name of a file, such as ".gz".
	Extension string

	// New returns a writer that writes to w what is written to it, compressed. Close
	// ends the output and leaves w open.
	New func(w io.Writer) (io.WriteCloser, error)

	// Reader returns a reader of what was compressed and is in r, which fails where
	// that is not complete. With it the sink recognizes a compression that a process
	// had done when it died, whatever version did it. Nil: it does so only where
	// equal input gives equal output.
	Reader func(r io.Reader) (io.ReadCloser, error)
}

var compressors = struct {
	mu     sync.Mutex
	byName map[string]Compressor // guarded by mu
}{byName: map[string]Compressor{
	"gzip": {
		Extension: ".gz",
		New:       func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		Reader:    func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
	},
}}

// RegisterCompressor makes c known to Options.Compress by a name. Packages that
// bring a compressor call it when they are initialized. It panics if the name or
// the extension is taken or useless, and says which.
func RegisterCompressor(name string, c Compressor) {
	compressors.mu.Lock()
	defer compressors.mu.Unlock()
	if why := refusal(name, c); why != "" {
		panic(fmt.Sprintf("hydra: RegisterCompressor(%q): %s", name, why))
	}
	compressors.byName[name] = c
}

// refusal returns why a compressor cannot be registered, or "". The caller holds the
// lock of compressors.
func refusal(name string, c Compressor) string {
	word, dotted := strings.CutPrefix(c.Extension, ".")
	_, taken := compressors.byName[name]
	switch {
	case name == "":
		return "the name is empty: give it one"
	case taken:
		return "the name is taken: choose another"
	case c.New == nil:
		return "New is nil: set it"
	case !dotted || word == "" || strings.ContainsAny(word, "./\\-"):
		return fmt.Sprintf("Extension %q must be a dot and a word without a dot, a separator or '-', such as \".gz\"", c.Extension)
	case c.Extension == tempExt:
		return fmt.Sprintf("Extension %q marks what is not finished: choose another", c.Extension)
	}
	for other, o := range compressors.byName {
		if o.Extension == c.Extension {
			return fmt.Sprintf("Extension %q is that of %q: choose another", c.Extension, other)
		}
	}
	return ""
}

func compressorOf(name string) (Compressor, error) {
	compressors.mu.Lock()
	defer compressors.mu.Unlock()
	c, ok := compressors.byName[name]
	if !ok {
		known := slices.Sorted(maps.Keys(compressors.byName))
		return c, fmt.Errorf("%q is not registered; use one of %s, or import the package that registers it (zstd: github.com/hydra-logger/hydra/sink/file/zstd)", name, strings.Join(known, ", "))
	}
	return c, nil
}

// isCompressed reports whether ext is what a compressor adds to names.
func isCompressed(ext string) bool {
	compressors.mu.Lock()
	defer compressors.mu.Unlock()
	for _, c := range compressors.byName {
		if c.Extension == ext {
			return true
		}
	}
	return false
}

// compressorFor returns the compressor that adds ext to names, if it can read what it
// makes.
func compressorFor(ext string) (c Compressor, ok bool) {
	compressors.mu.Lock()
	defer compressors.mu.Unlock()
	for _, c := range compressors.byName {
		if c.Extension == ext && c.Reader != nil {
			return c, true
		}
	}
	return Compressor{}, false
}

// tempExt marks a compression that is not finished.
const tempExt = ".tmp"

// compressAll compresses the rotated files at a site that are not yet, and not beyond
// the limits. The newest come first: they are kept longest. When there is a new file it
// ends, for the site is then looked at anew, but not before it has compressed for ten
// times as long as it had to look: in a large folder, where that takes long, it would
// come to nothing. It reports whether nothing has to be tried again. A compressor that
// panics is an error like others.
func (k *keeper) compressAll(at site) (done bool) {
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			k.stats.failed(&k.stats.s.CompressErrors, err)
			done = false
		}
	}()
	begun := time.Now()
	backups, err := list(k.sys, at.dir, at.pattern)
	if err != nil {
		return false // prune counts it
	}
	looked := time.Now()
	beyond := make(map[string]bool)
	for _, b := range surplus(backups, &k.opts, time.Now()) {
		beyond[b.path] = true
	}
	done = true
	for _, b := range slices.Backward(backups) {
		if k.stopping() || len(k.work)+len(k.settled) > 0 && time.Since(looked) >= 10*looked.Sub(begun) {
			return done
		}
		if b.rest != "" || beyond[b.path] {
			continue
		}
		err := k.compress(b)
		switch {
		case err == nil:
			k.stats.count(&k.stats.s.Compressed)
		case errors.Is(err, errInUse):
			done = false
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, context.Canceled):
			k.stats.failed(&k.stats.s.CompressErrors, fmt.Errorf("compression of %q: %w", b.path, err))
			done = false
		}
	}
	return done
}

// take notes that a file is being compressed. drop undoes it.
func (k *keeper) take(path string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.packing = path
}

// drop has the file removed if it is not wanted any more.
func (k *keeper) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.packing = ""
	if k.unwanted.Swap(false) {
		k.spare()
	}
}

// spare has what was left to a compression removed if it is beyond the limits.
func (k *keeper) spare() {
	select {
	case k.spared <- struct{}{}:
	default: // it will be looked for in any case
	}
}

// halted reports whether what is being compressed is to be left as it is.
func (k *keeper) halted() bool { return k.unwanted.Load() || k.stopping() }

// compress puts a compressed file in the place of a rotated one: at every moment
// one of them is there and complete, also on the disk.
func (k *keeper) compress(b backup) (err error) {
	k.take(b.path)
	defer k.drop() // when all files are closed
	src, err := k.open(b.path)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	to := b.path + k.compressor.Extension
	temp := to + tempExt
	// The lock on src is ours, so whoever left temp behind has died.
	if err := k.sys.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dst, err := k.sys.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if dst, err = stdfd.Above(dst); err != nil {
		return err
	}
	defer func() {
		_ = dst.Close()
		if err != nil {
			_ = k.sys.Remove(temp) // or the next try does
		}
	}()
	if err := k.squeeze(dst, src); err != nil {
		return err
	}
	if err := likeness(dst, src); err != nil {
		return err
	}
	if err := k.sys.Sync(dst); err != nil && !syncUnsupported(err) {
		return err
	}
	if holdsNames {
		_, _ = src.Close(), dst.Close()
	}
	return k.exchange(temp, to, b.path, info)
}

// squeeze writes to dst what is in src.
func (k *keeper) squeeze(dst, src *os.File) error {
	w, err := k.compressor.New(writerFunc(func(p []byte) (int, error) {
		if k.halted() {
			return 0, context.Canceled
		}
		return k.sys.Write(dst, p)
	}))
	if err != nil {
		return err
	}
	_, err = io.Copy(w, k.reader(src))
	return errors.Join(err, w.Close())
}

// exchange gives the compressed file its name and removes the other, that of info.
// Where the name is taken by the same content, somebody died just between the two.
func (k *keeper) exchange(temp, to, from string, info fs.FileInfo) error {
	folder, err := k.sys.OpenFile(filepath.Dir(from), asFolder, 0)
	if err != nil {
		return err
	}
	defer folder.Close()
	named, err := k.sys.Lstat(from)
	if err == nil && !os.SameFile(named, info) {
		err = fs.ErrNotExist
	}
	if err != nil { // the folder was moved, and another made: it would have the lines as well
		return err
	}
	err = k.rename(folder, temp, to)
	if errors.Is(err, fs.ErrExist) {
		if !k.equal(temp, to) && !k.holds(to, from) {
			if k.halted() {
				return context.Canceled // before that was known
			}
			return fmt.Errorf("%q is there with other content: move it away", filepath.Base(to))
		}
		err = k.sys.Remove(temp)
	}
	if err != nil {
		return err
	}
	if err := k.sys.Sync(folder); err != nil && !syncUnsupported(err) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return k.sys.Remove(from)
}

// rename gives a compressed file its name while nobody lists the folder.
func (k *keeper) rename(folder *os.File, from, to string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sys.Rename(folder, from, to)
}

// equal reports whether two files have the same content.
func (k *keeper) equal(a, b string) bool {
	f, err := k.open(a)
	if err != nil {
		return false
	}
	defer f.Close()
	g, err := k.open(b)
	if err != nil {
		return false
	}
	defer g.Close()
	return sameContent(k.reader(f), k.reader(g))
}

// holds reports whether a compressed file has the content of another, which is ours.
func (k *keeper) holds(packed, plain string) bool {
	if k.compressor.Reader == nil {
		return false
	}
	f, err := k.open(packed)
	if err != nil {
		return false
	}
	defer f.Close()
	g, err := k.sys.OpenFile(plain, os.O_RDONLY|openFlags|noFollow, 0)
	if err != nil {
		return false
	}
	if g, err = stdfd.Above(g); err != nil {
		return false
	}
	defer g.Close()
	r, err := k.compressor.Reader(k.reader(f))
	if err != nil {
		return false
	}
	defer r.Close()
	return sameContent(whole{r}, k.reader(g))
}

// reader returns a reader of f that fails when the compression is halted: a large file,
// or what was compressed to little, takes long.
func (k *keeper) reader(f io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if k.halted() {
			return 0, context.Canceled
		}
		return f.Read(p)
	})
}

// A whole reader fails where the one behind it says that something is missing, which is
// no end.
type whole struct{ io.Reader }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it is cut off")
	}
	return n, err
}

// sameContent reports whether two readers have the same bytes up to the end of both.
// Those of which a part cannot be read have not.
func sameContent(f, g io.Reader) bool {
	var p, q [32 << 10]byte
	for {
		n, err := io.ReadFull(f, p[:])
		m, err2 := io.ReadFull(g, q[:])
		if !bytes.Equal(p[:n], q[:m]) {
			return false
		}
		if err != nil || err2 != nil {
			return ended(err) && ended(err2)
		}
	}
}

// ended reports whether io.ReadFull has reached the end.
func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
