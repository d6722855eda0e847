// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestOnlyChangesOfMoreThanTheResultsMakeACommitDirty(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"} { // those of a hook that runs the test
		t.Setenv(name, "")
		assert.NilError(t, os.Unsetenv(name))
	}
	git := func(arguments ...string) {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, arguments...)...).CombinedOutput()
		assert.NilError(t, err, "%s", out)
	}
	put := func(file, text string) {
		t.Helper()
		assert.NilError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		assert.NilError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	result, source := filepath.Join(dir, "bench", "results", "micro.txt"), filepath.Join(dir, "queue.go")
	git("init", "-q")
	put(result, "old")
	put(source, "old")
	git("add", ".")
	git("-c", "commit.gpgsign=false", "commit", "-q", "--no-verify", "-m", "x")
	t.Chdir(filepath.Join(dir, "bench"))

	clean := commit()
	assert.Assert(t, clean != "unknown" && !strings.HasSuffix(clean, "-dirty"), clean)
	put(result, "")
	assert.Equal(t, commit(), clean)
	put(source, "new")
	assert.Equal(t, commit(), clean+"-dirty")
	git("add", ".")
	assert.Equal(t, commit(), clean+"-dirty")

	t.Chdir(t.TempDir())
	assert.Equal(t, commit(), "unknown")
}
