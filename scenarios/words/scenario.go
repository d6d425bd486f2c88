package words

// scenarioTexts is what this part of the house says.
var scenarioTexts = texts{}
