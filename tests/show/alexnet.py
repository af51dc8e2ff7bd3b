"""What a real run of the AlexNet benchmark gave on two cores with batch 32.

A line an op: name, kind, pass; then in ms a step over ten traced steps its share with
standard deviation and its busy time with standard deviation.
"""

from __future__ import annotations

FORWARD = """
conv2 Conv2D forward 59.4762 0.9711 59.4762 0.9711
conv4 Conv2D forward 40.4174 2.2509 40.4174 2.2509
conv3 Conv2D forward 30.836 3.1667 30.836 3.1667
conv5 Conv2D forward 26.5921 0.6282 26.5921 0.6282
conv1 Conv2D forward 22.7095 2.5482 22.7106 2.5485
lrn2 LRN forward 13.5705 1.4115 13.5705 1.4115
lrn1 LRN forward 12.1173 1.3449 12.1173 1.3449
pool1 MaxPool forward 1.645 0.4079 1.645 0.4079
pool2 MaxPool forward 1.1602 0.1999 1.1602 0.1999
pool5 MaxPool forward 0.5418 0.0949 0.5418 0.0949
conv4/Conv2D/ReadVariableOp Variable forward 0.0107 0.0044 0.0125 0.009
conv1/Conv2D/ReadVariableOp Variable forward 0.0055 0.005 0.0079 0.0098
"""
FORWARD_IDLE_MS = 0.7729

FORWARD_BACKWARD = """
gradients/conv2/Conv2D_grad/Conv2DBackpropFilter Conv2D backward 63.3323 4.2552 126.6359 8.4794
gradients/conv2/Conv2D_grad/Conv2DBackpropInput Conv2D backward 63.112 4.835 122.4255 6.0008
conv2 Conv2D forward 59.0714 0.5416 59.0714 0.5416
gradients/conv4/Conv2D_grad/Conv2DBackpropFilter Conv2D backward 45.3214 6.0283 90.5862 12.0159
conv4 Conv2D forward 41.6262 5.2518 41.6262 5.2518
gradients/conv5/Conv2D_grad/Conv2DBackpropFilter Conv2D backward 36.5475 9.9287 72.8058 20.015
gradients/conv4/Conv2D_grad/Conv2DBackpropInput Conv2D backward 35.762 8.055 67.4289 17.7096
gradients/conv3/Conv2D_grad/Conv2DBackpropFilter Conv2D backward 33.6397 3.4628 67.199 6.8499
conv3 Conv2D forward 29.9851 0.5257 29.9851 0.5257
gradients/conv1/Conv2D_grad/Conv2DBackpropFilter Conv2D backward 29.7071 1.0851 29.7071 1.0851
gradients/conv3/Conv2D_grad/Conv2DBackpropInput Conv2D backward 29.2489 3.9955 56.0044 9.879
conv5 Conv2D forward 27.4966 1.8063 27.4966 1.8063
gradients/conv5/Conv2D_grad/Conv2DBackpropInput Conv2D backward 27.0916 1.6113 53.5318 2.2127
conv1 Conv2D forward 21.8242 0.3582 21.8273 0.3585
gradients/lrn1_grad/LRNGrad LRN backward 15.5235 3.358 19.0434 2.3935
lrn1 LRN forward 14.3426 2.8537 14.3426 2.8537
lrn2 LRN forward 13.2168 0.5091 13.2168 0.5091
gradients/lrn2_grad/LRNGrad LRN backward 12.5372 2.6585 14.9682 1.1969
gradients/pool2_grad/MaxPoolGrad MaxPool backward 1.7065 0.3925 2.2351 0.4149
pool1 MaxPool forward 1.3776 0.2022 1.3776 0.2022
gradients/pool1_grad/MaxPoolGrad MaxPool backward 1.2641 0.1523 1.7343 0.5496
gradients/conv1_grad/ReluGrad Relu backward 1.182 0.1446 1.182 0.1446
pool2 MaxPool forward 1.1567 0.2299 1.1567 0.2299
gradients/conv2_grad/ReluGrad Relu backward 0.8367 0.1006 0.8652 0.1154
pool5 MaxPool forward 0.5647 0.0304 0.5647 0.0304
gradients/pool5_grad/MaxPoolGrad MaxPool backward 0.5278 0.0591 0.5278 0.0591
gradients/conv3_grad/ReluGrad Relu backward 0.4056 0.0782 0.4996 0.0992
gradients/conv4_grad/ReluGrad Relu backward 0.2655 0.0674 0.3954 0.0623
gradients/conv5_grad/ReluGrad Relu backward 0.2481 0.0407 0.2481 0.0407
conv2/Conv2D/ReadVariableOp Variable forward 0.0122 0.0019 0.0122 0.0018
conv2/BiasAdd/ReadVariableOp Variable forward 0.0049 0.005 0.007 0.0065
"""
FORWARD_BACKWARD_IDLE_MS = 1.1408
