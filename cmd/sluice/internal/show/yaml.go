package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// printYAML writes v as YAML with the keys that it has as JSON, in the same order.
func printYAML(w io.Writer, v any) error {
	var text bytes.Buffer
	j := json.NewEncoder(&text)
	j.SetEscapeHTML(false)
	if err := j.Encode(v); err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	d := json.NewDecoder(&text)
	d.UseNumber()
	n, err := yamlNode(d)
	if err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return err
	}
	return e.Close()
}

// yamlNode reads the next value.
func yamlNode(d *json.Decoder) (*yaml.Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch t := token.(type) {
	case json.Delim:
		n.Kind = yaml.SequenceNode
		if t == '{' {
			n.Kind = yaml.MappingNode
		}
		for d.More() { // keys are values before their own
			member, err := yamlNode(d)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, member)
		}
		_, err = d.Token()
	case string:
		n.SetString(t)
	case json.Number:
		n.Value, n.Tag = t.String(), "!!int"
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case bool:
		n.Value, n.Tag = fmt.Sprint(t), "!!bool"
	default:
		n.Value, n.Tag = "null", "!!null"
	}
	return n, err
}
