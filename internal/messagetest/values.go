package messagetest

import (
	"math"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

// Scalars returns each scalar type of protobuf at its bounds.
func Scalars() map[string]*testv1.Scalars {
	return map[string]*testv1.Scalars{
		"zero": {},
		"maximum": {
			DoubleValue: math.MaxFloat64, FloatValue: math.MaxFloat32,
			Int32Value: math.MaxInt32, Int64Value: math.MaxInt64, Uint32Value: math.MaxUint32, Uint64Value: math.MaxUint64,
			Sint32Value: math.MaxInt32, Sint64Value: math.MaxInt64,
			Fixed32Value: math.MaxUint32, Fixed64Value: math.MaxUint64, Sfixed32Value: math.MaxInt32, Sfixed64Value: math.MaxInt64,
			BoolValue: true, StringValue: "\U0010ffff", BytesValue: []byte{0, 0xff},
		},
		"minimum": {
			DoubleValue: -math.MaxFloat64, FloatValue: -math.MaxFloat32,
			Int32Value: math.MinInt32, Int64Value: math.MinInt64,
			Sint32Value: math.MinInt32, Sint64Value: math.MinInt64,
			Sfixed32Value: math.MinInt32, Sfixed64Value: math.MinInt64,
			StringValue: "\x00", BytesValue: []byte{0},
		},
		"smallest": {
			DoubleValue: math.SmallestNonzeroFloat64, FloatValue: math.SmallestNonzeroFloat32,
			Int32Value: -1, Int64Value: -1, Uint32Value: 1, Uint64Value: 1, Sint32Value: -1, Sint64Value: -1,
			Fixed32Value: 1, Fixed64Value: 1, Sfixed32Value: -1, Sfixed64Value: -1,
		},
		"infinite": {DoubleValue: math.Inf(1), FloatValue: float32(math.Inf(-1))},
		"unequal":  {DoubleValue: math.NaN(), FloatValue: float32(math.NaN())},
	}
}

// Tree returns a message of this depth, with two branches at each level.
func Tree(depth int) *testv1.Tree {
	node := &testv1.Tree{Leaf: &testv1.Tree_Leaf{Text: "leaf"}}
	if depth > 0 {
		node.Children = []*testv1.Tree{Tree(depth - 1), Tree(depth - 1)}
	}
	return node
}
