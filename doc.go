// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package hydra is a slog handler.
package hydra
