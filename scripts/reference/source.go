package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strings"
)

// sources returns the sources of generated parts by name.
func sources(p *program) map[string]source {
	return map[string]source{
		// output signalbox catalog --format markdown: the output of a command as
		// Markdown.
		"output": p.output,
		// text signalbox run --help: the output of a command as a text block.
		"text": func(args []string) (string, error) {
			out, err := p.output(args)
			return "```text\n" + strings.TrimRight(out, "\n") + "\n```", err
		},
		// self-metrics: the metrics about Signalbox itself.
		"self-metrics": p.selfMetrics,
		// fields emitter/rule.go yaml Rule Label: tables of the fields of types.
		"fields": fields,
		// example emitter/example_test.go Example_scheduler: the body of a function.
		"example": example,
	}
}

// fields returns tables of the JSON or YAML fields of types.
func fields(args []string) (string, error) {
	if len(args) < 3 {
		return "", fmt.Errorf("got %q, expected a file, json or yaml, and types", args)
	}
	file, err := parser.ParseFile(token.NewFileSet(), args[0], nil, parser.ParseComments)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, name := range args[2:] {
		spec, doc := typeOf(file, name)
		if spec == nil {
			return "", fmt.Errorf("%s has no type %s", args[0], name)
		}
		structure, ok := spec.Type.(*ast.StructType)
		if !ok {
			return "", fmt.Errorf("%s in %s is not a struct", name, args[0])
		}
		fmt.Fprintf(&text, "**%s**: %s\n\n| field | type | |\n|---|---|---|\n", name, sentence(doc, name))
		keys := keysOf(structure, args[1])
		for _, f := range structure.Fields.List {
			if len(f.Names) == 0 || keys[f.Names[0].Name] == "" {
				continue
			}
			key := keys[f.Names[0].Name]
			fmt.Fprintf(&text, "| `%s` | %s | %s |\n", key, typeText(file, f.Type), withKeys(comment(f), keys))
		}
		text.WriteString("\n")
	}
	return text.String(), nil
}

// keysOf returns the names of fields in JSON or YAML by their names in Go.
func keysOf(structure *ast.StructType, as string) map[string]string {
	keys := map[string]string{}
	for _, f := range structure.Fields.List {
		if f.Tag == nil || len(f.Names) == 0 {
			continue
		}
		key, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get(as), ",")
		if key != "-" {
			keys[f.Names[0].Name] = key
		}
	}
	return keys
}

var word = regexp.MustCompile(`\b[A-Z]\w*\b`)

// withKeys replaces the names of Go fields in a comment with their keys.
func withKeys(comment string, keys map[string]string) string {
	return word.ReplaceAllStringFunc(comment, func(name string) string {
		if key := keys[name]; key != "" {
			return "`" + key + "`"
		}
		return name
	})
}

// typeOf returns the declaration of a type and its doc comment.
func typeOf(file *ast.File, name string) (*ast.TypeSpec, string) {
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range decl.Specs {
			if spec, ok := s.(*ast.TypeSpec); ok && spec.Name.Name == name {
				return spec, decl.Doc.Text()
			}
		}
	}
	return nil, ""
}

// sentence returns the doc comment of a type as one paragraph, without the name of the
// type at the beginning.
func sentence(doc, name string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	for _, article := range []string{"A ", "An ", "The ", ""} {
		for _, verb := range []string{" is ", " are "} {
			if rest, found := strings.CutPrefix(doc, article+name+verb); found {
				return rest
			}
		}
	}
	return doc
}

// comment returns the doc comment of a field, or else its line comment. The comment may
// contain the Go names of fields.
func comment(f *ast.Field) string {
	text := f.Doc.Text()
	if text == "" {
		text = f.Comment.Text()
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// typeText returns the description of a type for authors of JSON or YAML. For a string
// type with constants, that is the list of their values.
func typeText(file *ast.File, e ast.Expr) string {
	name := typeName(e)
	var values []string
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.CONST {
			continue
		}
		for _, s := range decl.Specs {
			spec, ok := s.(*ast.ValueSpec)
			if !ok || spec.Type == nil || typeName(spec.Type) != name {
				continue
			}
			for _, v := range spec.Values {
				if text, ok := v.(*ast.BasicLit); ok {
					values = append(values, "`"+strings.Trim(text.Value, `"`)+"`")
				}
			}
		}
	}
	if len(values) > 0 {
		return strings.Join(values, ", ")
	}
	return name
}

// typeName returns the name of a type for authors of JSON or YAML.
func typeName(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.StarExpr:
		return typeName(t.X) + " or null"
	case *ast.ArrayType:
		return "list of " + typeName(t.Elt)
	case *ast.MapType:
		return "names, each with a " + typeName(t.Value)
	case *ast.SelectorExpr:
		switch t.Sel.Name {
		case "Time":
			return "time"
		case "Duration":
			return "duration"
		}
		return t.Sel.Name
	case *ast.Ident:
		switch t.Name {
		case "int", "int64", "uint64", "float64", "uint32":
			return "number"
		case "bool":
			return "boolean"
		}
		return t.Name
	}
	return fmt.Sprintf("%T", e)
}

// example returns the body of a function as a block of Go code, without expected
// output.
func example(args []string) (string, error) {
	if len(args) != 2 {
		return "", fmt.Errorf("got %q, expected a file and a function", args)
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return "", err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, args[0], text, parser.ParseComments)
	if err != nil {
		return "", err
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != args[1] {
			continue
		}
		body := text[set.Position(f.Body.Lbrace).Offset+1 : set.Position(f.Body.Rbrace).Offset]
		if at := bytes.Index(body, []byte("// Output:")); at >= 0 {
			body = body[:at]
		}
		body, err := format.Source(body)
		if err != nil {
			return "", err
		}
		return "```go\n" + unindented(string(body)) + "\n```", nil
	}
	return "", fmt.Errorf("%s has no function %s", args[0], args[1])
}

// unindented removes one tab from the beginning of each line of Go code.
func unindented(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		lines = append(lines, strings.TrimPrefix(strings.TrimRight(line, "\n"), "\t"))
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}
