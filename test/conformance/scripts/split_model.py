"""A model that Amazon's smdistributed.modelparallel is to split."""

import smdistributed.modelparallel.torch as smp

smp.init()
