// Package cli is what our programs share on the command line: commands, flags
// with environment variables and files behind them, help, errors of one line, and logs.
//
//   - Flags take one dash or two, and stand before or after names, up to "--".
//   - Every setting has an environment variable: -tick of lockd is LOCKD_TICK.
//     The flag wins.
//   - The settings of some commands may stand in a file, too, below both. All that
//     is wrong with it is told at once, a line for each mistake.
//   - A mistake on the command line gets one line on stderr, which names the
//     thing and the way out, and the exit code Usage.
package cli
