// Command titrate is the server and its tools. `titrate --help` lists them.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "titrate:", err)
		os.Exit(1)
	}
}

// run is the whole program but the process: tests call it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	command, err := parse(args, stdout, stderr)
	if err != nil {
		return err
	}
	if command == nil { // help was asked for
		return nil
	}
	return command.Run(ctx, stdout, stderr)
}
