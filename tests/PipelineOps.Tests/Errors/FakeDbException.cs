using System.Data.Common;

namespace PipelineOps.Tests.Errors;

/// <summary>Stands for any provider's exception.</summary>
internal sealed class FakeDbException(string? sqlState, bool isTransient = false, Exception? inner = null) : DbException("fake", inner)
{
    public override string? SqlState => sqlState;

    public override bool IsTransient => isTransient;
}
