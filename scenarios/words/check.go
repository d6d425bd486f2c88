package words

// checkTexts is what this part of the house says.
var checkTexts = texts{}
