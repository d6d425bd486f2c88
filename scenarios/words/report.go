package words

// reportTexts is what this part of the house says.
var reportTexts = texts{}
