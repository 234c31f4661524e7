package main

import (
	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/internal/status"
)

// settingsOf returns the values of a group's options, without secrets.
func settingsOf(group *flags.Group) (settings []status.Setting) {
	eachOption(group, func(option *flags.Option) {
		if name := option.LongNameWithNamespace(); option.LongName != "" && option.LongName != "help" {
			settings = append(settings, status.SettingOf(name, option.Field().Tag, option.Value()))
		}
	})
	return settings
}
