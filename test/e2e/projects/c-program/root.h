#pragma once

double root_of(double value);
