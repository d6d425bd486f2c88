package words

// runTexts is what this part of the house says.
var runTexts = texts{}
