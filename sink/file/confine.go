// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Confine keeps the file, and all that rotation makes of it, below the folder root,
// as Options.Root does; a handler calls it for Config.Root. The path is then relative
// to root, or to Options.Root, which has to be below root: relative to it, or
// absolute. It is an error while the sink is open.
func (s *Sink) Confine(root string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.confined == root && root != "" {
		return nil
	}
	if err := s.confine(root); err != nil {
		return fmt.Errorf("hydra: log file %q: %w", s.path, err)
	}
	return nil
}

func (s *Sink) confine(root string) error {
	if s.running {
		return errors.New("it is open already: confine it before")
	}
	if !filepath.IsAbs(root) {
		return fmt.Errorf("it cannot be confined to %q: give an absolute path", root)
	}
	folder := s.root
	if filepath.IsAbs(folder) {
		rel, err := filepath.Rel(root, folder)
		if err != nil {
			return fmt.Errorf("Options.Root %q is not below %q: leave it out or choose a folder there", s.root, root)
		}
		folder = rel
	}
	if folder != "" && !filepath.IsLocal(folder) {
		return fmt.Errorf("Options.Root %q is not below %q: leave it out or choose a folder there", s.root, root)
	}
	if s.opts.AllowLinks {
		return fmt.Errorf("Options.AllowLinks: a link cannot be followed and stay below %q: leave it out", root)
	}
	if s.path == "" {
		return errNoPath
	}
	if !filepath.IsLocal(s.path) {
		return fmt.Errorf("the path leaves %q: give a path relative to it", filepath.Join(root, folder))
	}
	s.sys = below{folder: root, sub: folder}
	s.opts.Root = filepath.Join(root, folder)
	s.fixed = filepath.Clean(s.path)
	s.name, s.confined = s.fixed, root
	return nil
}
