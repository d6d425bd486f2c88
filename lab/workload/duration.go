package workload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// A Duration is a time.Duration that is written in JSON as scenarios write it,
// "60ms". A bare number is refused: its unit would be a guess.
type Duration time.Duration

// MarshalText writes the duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads a number with its unit, for example "1.5s".
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 60ms", text)
	}
	*d = Duration(v)
	return nil
}

// decodeStrict is json.Unmarshal that refuses unknown keys.
func decodeStrict(data []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}
