#include "root.h"

#include <math.h>

double root_of(double value)
{
	return sqrt(value);
}
