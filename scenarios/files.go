package scenarios

// MaxBytes is the size of the largest file that Parse looks into.
const MaxBytes = maxBytes

// Nearest returns the word of a list that a misspelt one may have meant, ""
// if none is near.
func Nearest(word string, list []string) string { return nearest(word, list) }
