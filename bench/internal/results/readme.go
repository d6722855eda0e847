// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package results

import (
	"fmt"
	"strings"
)

// Fill returns document with the tables of the set between their markers,
// lines like "<!-- bench:calls -->" and "<!-- /bench:calls -->". A document
// without markers is returned as it is, unless the set has rows; that, a marker
// without its end and a table without results are errors.
func (s *Set) Fill(document string) (string, error) {
	found := false
	for _, table := range Tables {
		begin, end := "<!-- bench:"+table+" -->\n", "<!-- /bench:"+table+" -->"
		head, rest, ok := strings.Cut(document, begin)
		if !ok {
			continue
		}
		found = true
		_, tail, ok := strings.Cut(rest, end)
		if !ok {
			return "", fmt.Errorf("no %s", end)
		}
		text := s.Markdown(table)
		if text == "" {
			return "", fmt.Errorf("no results for the table %q", table)
		}
		document = head + begin + text + end + tail
	}
	if !found && len(s.Rows) > 0 {
		return "", fmt.Errorf("there are results, but no line like <!-- bench:%s --> to put them behind", Tables[0])
	}
	return document, nil
}
