package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// findPushgateway returns the program of Debian's Pushgateway: the installed one, or
// else that of the package, which it does not install. Debian's is what its operators
// have. Another version is measured when it is on PATH as prometheus-pushgateway.
func findPushgateway(ctx context.Context, dir string) (string, error) {
	const name = "prometheus-pushgateway"
	if program, err := exec.LookPath(name); err == nil {
		return program, nil
	}

	run := func(name string, args ...string) error {
		command := exec.CommandContext(ctx, name, args...)
		command.Dir = dir
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", command, err, output)
		}
		return nil
	}
	if err := run("apt-get", "download", name); err != nil {
		// There may be no list of packages yet.
		if err := errors.Join(run("apt-get", "update"), run("apt-get", "download", name)); err != nil {
			return "", err
		}
	}
	packages, err := filepath.Glob(filepath.Join(dir, name+"_*.deb"))
	if err != nil {
		return "", err
	}
	if len(packages) != 1 {
		return "", fmt.Errorf("apt-get download %s leaves %q", name, packages)
	}
	return filepath.Join(dir, "usr/bin", name), run("dpkg", "-x", packages[0], dir)
}

// startFilledPushgateway starts a Pushgateway that holds groups. It gathers all that
// it holds on every push, so filling it that way would take hours: it is filled
// with its check disabled, and started again with it from its file.
func startFilledPushgateway(ctx context.Context, dir, program string, groups int) (*daemon, error) {
	file := filepath.Join(dir, fmt.Sprintf("pushgateway-groups-%d", groups))
	filler, err := startPushgateway(ctx, program, file, "--push.disable-consistency-check")
	if err != nil {
		return nil, err
	}
	err = fillGroups(ctx, filler, groups)
	// Ending writes the file.
	if err := errors.Join(err, filler.stop()); err != nil {
		return nil, err
	}
	return startPushgateway(ctx, program, file)
}

func startPushgateway(ctx context.Context, program, file string, flags ...string) (*daemon, error) {
	version, err := exec.CommandContext(ctx, program, "--version").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", program, err)
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return startDaemon(ctx, pushgatewayName(string(version)), address, program, append([]string{
		"--web.listen-address=" + address, "--persistence.file=" + file, "--log.level=error"}, flags...)...)
}

// pushgatewayName makes "Pushgateway 1.5.1" of "pushgateway, version 1.5.1 (branch: …".
func pushgatewayName(version string) string {
	if fields := strings.Fields(version); len(fields) > 2 {
		return "Pushgateway " + fields[2]
	}
	return "Pushgateway"
}
