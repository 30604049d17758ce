namespace PipelineOps;

/// <summary>Where a line is: its file, where in it, and how long it is with its end.</summary>
internal readonly record struct LineSpan(Segment Segment, long Offset, int Length);
