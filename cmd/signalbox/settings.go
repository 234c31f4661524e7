package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/emitter"
)

// showSettings has the flags on the status pages of the Prometheus emitters that there
// will be.
func (c *daemon) showSettings() {
	for _, factory := range c.monitor.Factories() {
		if config, ok := factory.(*emitter.PrometheusConfig); ok {
			config.Settings = c.flags
		}
	}
}

// valuesOf is the values of a group's options by their names, as they may be shown to
// anybody.
func valuesOf(group *flags.Group) map[string]string {
	values := make(map[string]string)
	eachOption(group, func(option *flags.Option) {
		if name := option.LongNameWithNamespace(); option.LongName != "" && option.LongName != "help" {
			values[name] = emitter.MaskSecret(name, textOf(option.Value()))
		}
	})

	return values
}

// textOf is the text of an option's value. One that is given several times is listed
// with commas; of key=value and key:value, secrets are masked by their keys here, where
// nothing in them can be taken for their end.
func textOf(value any) string {
	var texts []string
	switch all := reflect.ValueOf(value); all.Kind() {
	case reflect.Map:
		for key, value := range all.Seq2() {
			texts = append(texts, maskedPair(fmt.Sprint(key), "=", fmt.Sprint(value)))
		}
		slices.Sort(texts)
	case reflect.Slice:
		for _, value := range all.Seq2() {
			text := fmt.Sprint(value)
			if i := strings.IndexAny(text, "=:"); i >= 0 {
				text = maskedPair(text[:i], text[i:i+1], text[i+1:])
			}
			texts = append(texts, text)
		}
	default:
		return fmt.Sprint(value)
	}

	return strings.Join(texts, ",")
}

func maskedPair(key, separator, value string) string {
	return key + separator + emitter.MaskSecret(key, value)
}
