package web

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
)

// A Media is a sample of something to look at.
type Media string

// The samples.
const (
	JPEG Media = "jpeg"
	MPEG Media = "mpeg"
)

// kind returns its media type: RFC 2046, section 4.2; RFC 2045.
func (m Media) kind() string {
	if m == MPEG {
		return "video/mpeg"
	}
	return "image/jpeg"
}

// sample makes it: a picture of one colour, or a program stream that holds
// nothing.
func (m Media) sample() string {
	if m == MPEG {
		// A pack header (ISO/IEC 13818-1, 2.5.3.3) and the end of the program.
		return "\x00\x00\x01\xba\x44\x00\x04\x00\x04\x01\x00\x00\x03\xf8\x00\x00\x01\xb9"
	}
	picture := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range picture.Pix {
		picture.Pix[i] = color.Gray{Y: 128}.Y
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, picture, nil) // cannot fail: to memory, and of a size that fits
	return b.String()
}
