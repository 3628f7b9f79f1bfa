// What PTX instructions do.
#pragma once
#include "arithmetic.h"
#include "bits.h"
#include "convert.h"
#include "machine.h"
#include "values.h"
