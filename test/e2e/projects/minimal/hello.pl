#!/usr/bin/env -S perl -w
use strict;
use List::Util qw(sum);
print "hello ", sum(1 .. 4), "\n";
