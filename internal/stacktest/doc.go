// Package stacktest reads template.yaml for tests: as the SAM translator leaves it, and as a stack on a moto server.
//
// moto makes no schedule, alarm, invoke configuration, encryption or recovery, and says CREATE_COMPLETE all the same.
// So what the template asks for is asserted on the translated form, and the stack shows that references resolve and
// what environment the function gets.
package stacktest
