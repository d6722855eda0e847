// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"fmt"

	"github.com/hydra-logger/hydra/sink"
)

var _ sink.Confiner = (*Sink)(nil)

// Confine refuses: a spool opens its folder by its path, which may lead through links
// that others make. A Config with a Root cannot have spools.
func (s *Sink) Confine(root string) error {
	return fmt.Errorf("hydra: spool %q: it cannot be kept below %q, because it follows links: leave the spool out, or Config.Root", s.given, root)
}
